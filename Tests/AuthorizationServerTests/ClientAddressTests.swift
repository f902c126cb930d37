import AsyncIO
import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Synchronization
import Testing

/// Where a client identifier or a key set may lead us, with the real way out.
@Suite(.timeLimit(.minutes(3))) struct ClientAddressTests {
    /// Counts connections on every address of this machine.
    final class Canary: Sendable {
        let accepted = Atomic<Int>(0)
    }

    /// `PORT` is where the canary listens, on every address of this machine.
    static let hosts = [
        "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "2130706433",
        "127.0.0.1.", "127.000.000.001", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "0.0.0.0", "0",
        "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
        "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]",
        "[2001:0:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2600::5efe:127.0.0.1]",
        "[2600::200:5efe:7f00:1]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd12:3456:789a::1]", "[ff02::1]",
        "[2001:db8::1]", "[100::1]", "[3fff::1]", "[5f00::1]", "10.0.0.1", "172.16.0.1", "172.31.255.255",
        "192.168.0.1", "169.254.169.254", "100.64.0.1", "100.127.255.254", "192.0.0.1", "192.0.2.1", "192.88.99.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "127.0.0.1\u{3002}", "127。0。0。1", "１２７.0.0.1", "ⓛocalhost", "127.0.0.1%00.client.test", "client.test@127.0.0.1",
        "127.0.0.1\\@client.test", "127.0.0.1#@client.test", "client.test:80@127.0.0.1", "127.0.0.1%2f",
    ]

    /// Forms of which the whole address is odd.
    static let forms = [
        "http://127.0.0.1:PORT/c", "HTTPS://127.0.0.1:PORT/c", "ftp://127.0.0.1:PORT/c", "file:///etc/passwd",
        "data:application/json,{}", "gopher://127.0.0.1:PORT/c", "https:/127.0.0.1:PORT/c", "https:127.0.0.1:PORT/c",
        "https:///127.0.0.1:PORT/c", "https://127.0.0.1:PORT", "https://127.0.0.1:PORT/", "https://127.0.0.1:PORT?c",
        "https://127.0.0.1:PORT/c#f", "https://127.0.0.1:PORT/a/../c", "https://127.0.0.1:PORT/a/%2e%2e/c",
        " https://127.0.0.1:PORT/c", "https://127.0.0.1:PORT/c ", "https://127.0.0.1:PORT/c\n",
        "jar:https://127.0.0.1:PORT/c",
        "https://127.0.0.1:0PORT/c", "https://127.0.0.1:+PORT/c",
    ]

    static var all: [String] { hosts.map { "https://\($0):PORT/c" } + forms }

    private static func withCanary(_ body: (Int, Canary, Fixture) async throws -> Void) async throws {
        let canary = Canary()
        let group = EventLoopGroup(count: 1)
        var listeners: [TCPListener] = []
        let first = try await TCPListener.bind(try SocketAddress(ip: "0.0.0.0", port: 0), on: group) { stream in
            canary.accepted.add(1, ordering: .relaxed)
            stream.close()
        }
        listeners.append(first)
        let port = first.boundAddress.port
        do {
            listeners.append(
                try await TCPListener.bind(try SocketAddress(ip: "::1", port: port), on: group) { stream in
                    canary.accepted.add(1, ordering: .relaxed)
                    stream.close()
                })
        } catch {
            // A machine without IPv6 cannot be reached by it either.
        }
        let fixture = try await Fixture(documents: HTTPDocumentFetcher(on: group.next())) {
            $0.pageRequestsPerMinute = 100_000
            $0.registration.perMinute = 100_000
            $0.clientDocuments.fetchesPerMinute = 100_000
        }
        try await body(port, canary, fixture)
        for listener in listeners { await listener.close() }
    }

    @Test("A15: no form of a client identifier makes us connect to a special address")
    func clientIdentifiers() async throws {
        #expect(Self.all.count >= 80)
        try await Self.withCanary { port, canary, fixture in
            for form in Self.all {
                let id = form.replacingOccurrences(of: "PORT", with: "\(port)")
                let client = Fixture.TestClient(id: id, secret: nil, redirect: Fixture.redirect)
                let page = await fixture.send(.get, fixture.authorizeTarget(client))
                #expect(page.status == 400, "\(id)")
                #expect(page.location == nil, "\(id)")
                let token = await fixture.send(
                    .post, "/token", form: [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", id)])
                let code = try token.member("error")
                #expect(code == "invalid_client", "\(id)")
            }
            #expect(canary.accepted.load(ordering: .relaxed) == 0)
        }
    }

    @Test("A15: no form of a jwks_uri does")
    func keySets() async throws {
        try await Self.withCanary { port, canary, fixture in
            for form in Self.all {
                let address = form.replacingOccurrences(of: "PORT", with: "\(port)")
                let metadata: [String: Any] = [
                    "redirect_uris": [Fixture.redirect], "token_endpoint_auth_method": "private_key_jwt",
                    "jwks_uri": address,
                ]
                let body = String(
                    decoding: try JSONSerialization.data(withJSONObject: metadata), as: UTF8.self)
                let answer = await fixture.send(
                    .post, "/register", fields: [("Content-Type", "application/json")], body: body)
                guard answer.status == 201, let id = try answer.member("client_id") else {
                    #expect(answer.status == 400, "\(address)")
                    continue
                }
                let client = AssertingClient(id: id, key: try .generate(.es256))
                let refused = await client.post(
                    fixture, "/revoke", try client.assertion(id: "1", at: fixture.clock.now))
                #expect(refused.status == 401, "\(address)")
            }
            #expect(canary.accepted.load(ordering: .relaxed) == 0)
        }
    }

    @Test("A15: a logo or another address in the metadata is never fetched")
    func otherAddresses() async throws {
        try await Self.withCanary { port, canary, fixture in
            let own = "https://127.0.0.1:\(port)/x"
            let answer = await fixture.send(
                .post, "/register", fields: [("Content-Type", "application/json")],
                body: """
                    {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"none","logo_uri":"\(own)",
                     "client_uri":"\(own)","policy_uri":"\(own)","tos_uri":"\(own)","jwks_uri":"\(own)"}
                    """)
            let client = Fixture.TestClient(
                id: try #require(try answer.member("client_id")), secret: nil, redirect: Fixture.redirect)
            _ = try await fixture.tokens(client, user: try await fixture.addUser())
            #expect(canary.accepted.load(ordering: .relaxed) == 0)
        }
    }

    @Test("A17: a foreign request_uri is never fetched, at /authorize or /par, not even from an allowed address")
    func requestURIs() async throws {
        let canary = Canary()
        let group = EventLoopGroup(count: 1)
        let listener = try await TCPListener.bind(try SocketAddress(ip: "127.0.0.1", port: 0), on: group) { stream in
            canary.accepted.add(1, ordering: .relaxed)
            stream.close()
        }
        let additional = [try #require(CIDR("127.0.0.0/8"))]
        let fixture = try await Fixture(documents: HTTPDocumentFetcher(on: group.next(), additional: additional))
        let client = try await fixture.registerClient()
        let port = listener.boundAddress.port
        for uri in [
            "https://127.0.0.1:\(port)/r", "http://127.0.0.1:\(port)/r", "https://localhost:\(port)/r",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            let page = await fixture.send(.get, fixture.authorizeTarget(client, changing: ["request_uri": uri]))
            #expect(page.status == 400 && page.location == nil, "\(uri)")
            #expect(page.text.contains("The request is not here") && !page.text.contains("error="), "\(uri)")
            let bare = "/authorize?" + Fixture.encode([("client_id", client.id), ("request_uri", uri)])
            #expect(await fixture.send(.get, bare).status == 400, "\(uri)")
            let pushed = await fixture.send(
                .post, "/par", form: PushedRequestTests.form(client, changing: ["request_uri": uri]))
            #expect(try pushed.member("error") == "invalid_request", "\(uri)")
        }
        #expect(canary.accepted.load(ordering: .relaxed) == 0)
        await listener.close()
    }

    @Test("the canary sees what is let through: the same addresses, when the operator allows them")
    func canarySees() async throws {
        let canary = Canary()
        let group = EventLoopGroup(count: 1)
        let listener = try await TCPListener.bind(try SocketAddress(ip: "127.0.0.1", port: 0), on: group) { stream in
            canary.accepted.add(1, ordering: .relaxed)
            stream.close()
        }
        let additional = [try #require(CIDR("127.0.0.0/8"))]
        let fixture = try await Fixture(documents: HTTPDocumentFetcher(on: group.next(), additional: additional))
        let client = Fixture.TestClient(
            id: "https://127.0.0.1:\(listener.boundAddress.port)/c", secret: nil, redirect: Fixture.redirect)
        #expect(await fixture.send(.get, fixture.authorizeTarget(client)).status == 503)
        #expect(canary.accepted.load(ordering: .relaxed) > 0)
        await listener.close()
    }
}
