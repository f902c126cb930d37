import AsyncIO
import HTTP
import JSON
import OAuth
import Telemetry
import Testing

@testable import Gateway

/// Two endpoints of ours, and two resources elsewhere when they are named.
struct VerifyResources: ProtectedResourceDirectory {
    var all: [ProtectedResource]

    init(external: Bool) {
        let own = ["/a/mcp", "/b/mcp"].map { ProtectedResource(path: $0, name: "own \($0)", scopes: ["mcp"]) }
        let others = [
            ProtectedResource(origin: "https://fetch.test", path: "/mcp", name: "fetch", scopes: ["mcp"]),
            ProtectedResource(
                origin: "https://fetch.test", path: "/mcp/admin", name: "admin", scopes: ["mcp", "admin"],
                requiredScopes: ["admin"]),
            ProtectedResource(origin: "https://whole.test", path: "", name: "whole", scopes: ["mcp"]),
        ]
        all = own + (external ? others : [])
    }

    func resource(atPath path: String) -> ProtectedResource? { all.first { $0.origin == nil && $0.path == path } }
}

/// Knows `alice@IDENTIFIER` for exactly that resource.
struct VerifyStub: AccessTokenVerifier {
    func verify(
        _ token: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        if token == "down" { throw AccessTokenRejection(.unavailable, detail: "store") }
        let parts = token.split(separator: "~", maxSplits: 1).map { String($0).replacing("_", with: "/") }
        guard parts.count == 2, resource.hasSuffix(parts[1]) else {
            throw AccessTokenRejection(.invalid, detail: "unknown")
        }
        return Principal(
            user: UserID("u-1"), userName: parts[0], email: parts[0] == "bob" ? nil : "a@example.com",
            client: ClientID("c-1"), scope: Scope(tokens: ["mcp"]), grant: GrantID("g"),
            expires: Timestamp(millisecondsSinceEpoch: .max))
    }
}

/// `/verify` by itself; with real proxies it is tested end to end.
@Suite struct VerifyTests {
    private let endpoint: VerifyEndpoint
    private let proxies = TrustedProxies(["10.0.0.0/8"].compactMap { CIDR($0) })

    init() { endpoint = Self.make(external: true) }

    static func make(
        external: Bool, forwards: Bool = false, publicURL: String? = "https://auth.test", rates: RequestRates? = nil,
        change: (inout ForwardAuthConfiguration) -> Void = { _ in }
    ) -> VerifyEndpoint {
        let hosts = HostPolicy(
            publicURL: publicURL.flatMap { try? HTTPURL($0) }, listen: .ip(.v4(0x7F00_0001), port: 8080),
            allowedOrigins: [])
        var configuration = ForwardAuthConfiguration(
            hosts: hosts, directory: VerifyResources(external: external), verifier: VerifyStub()
        ) { name, origin in .text(.unauthorized, "page of \(name ?? "-") at \(origin)") }
        configuration.forwardsBearer = forwards
        change(&configuration)
        return VerifyEndpoint(configuration, rates: rates)
    }

    func ask(
        _ endpoint: VerifyEndpoint, _ token: String?, _ uri: String?, host: String? = "fetch.test",
        peer: String = "10.0.0.1", adding fields: [(String, String)] = []
    ) async throws -> HTTPResponse {
        var head = HTTPFields()
        if let token { head.append("Authorization", "Bearer \(token)") }
        if let host { head.append("X-Forwarded-Host", host) }
        if let uri {
            head.append("X-Forwarded-Uri", uri)
            head.append("X-Forwarded-Proto", "https")
            head.append("X-Forwarded-Method", "GET")
        }
        for (name, value) in fields { head.append(try #require(HTTPFieldName(validating: name)), value) }
        let request = HTTPRequest(
            path: "/verify", fields: head, remoteAddress: try SocketAddress(ip: peer, port: 1),
            authority: "sallyport:8080")
        return await endpoint.respond(to: proxies.read(request), body: HTTPRequestBody([]))
    }

    private func ask(
        _ token: String?, _ uri: String?, host: String? = "fetch.test", peer: String = "10.0.0.1",
        adding fields: [(String, String)] = []
    ) async throws -> HTTPResponse {
        try await ask(endpoint, token, uri, host: host, peer: peer, adding: fields)
    }

    @Test("a good token for what is asked for: 200 with who it is, and not the token")
    func allowed() async throws {
        for uri in ["/mcp", "/mcp?x=1", "/mcp/", "/mcp/x", "/%6dcp"] {
            let answer = try await ask("alice~fetch.test_mcp", uri)
            #expect(answer.status == .ok, "\(uri)")
            let expected = [
                "x-user-id": "u-1", "x-user-name": "alice", "x-user-email": "a@example.com", "x-client-id": "c-1",
                "x-scope": "mcp", "cache-control": "no-store",
            ]
            #expect(Dictionary(uniqueKeysWithValues: answer.fields.map { ($0.name, $0.value) }) == expected)
        }
        #expect(try await ask("alice~whole.test", "/anything/at/all", host: "whole.test").status == .ok)
        let forwarding = Self.make(external: true, forwards: true)
        let answer = try await ask(forwarding, "alice~fetch.test_mcp", "/mcp")
        #expect(answer.fields.values("x-auth-token") == ["alice~fetch.test_mcp"])
    }

    @Test("R02: a token of one resource opens no other")
    func audience() async throws {
        for (token, uri, host) in [
            ("alice~fetch.test_mcp", "/x", "whole.test"), ("alice~whole.test", "/mcp", "fetch.test"),
            ("alice~fetch.test_mcp", "/mcp/admin", "fetch.test"), ("alice~auth.test_a_mcp", "/mcp", "fetch.test"),
            ("mallory", "/mcp", "fetch.test"), ("", "/mcp", "fetch.test"),
        ] {
            let answer = try await ask(token, uri, host: host)
            #expect(answer.status == .unauthorized, "\(token) at \(host)\(uri)")
            #expect(answer.fields["www-authenticate"]?.contains("error=\"invalid_token\"") == true)
            #expect(!answer.fields.contains("x-user-id"))
        }
        #expect(try await ask("alice~auth.test_a_mcp", "/a/mcp", host: "auth.test").status == .ok, "our own endpoint")
    }

    @Test("R01: without a token the challenge names the resource's metadata and no error")
    func challenge() async throws {
        let answer = try await ask(nil, "/mcp")
        #expect(answer.status == .unauthorized)
        #expect(
            answer.fields["www-authenticate"]
                == "Bearer resource_metadata=\"https://fetch.test/.well-known/oauth-protected-resource/mcp\", scope=\"mcp\""
        )
        let twice = try await ask("alice~fetch.test_mcp", "/mcp", adding: [("Authorization", "Bearer x")])
        #expect(twice.status == .unauthorized, "nginx knows 401 and 403 only")
        #expect(twice.fields["www-authenticate"]?.contains("invalid_request") == true)
    }

    @Test("R05, b5, b6: a token without the scope that the resource demands: 403 insufficient_scope")
    func scope() async throws {
        let answer = try await ask("alice~fetch.test_mcp_admin", "/mcp/admin/x")
        #expect(answer.status == .forbidden)
        let text = try #require(answer.fields["www-authenticate"])
        #expect(text.contains("insufficient_scope") && text.contains("scope=\"admin\""))
    }

    @Test("R07: who is not a trusted proxy, and what no resource is named for, gets 403")
    func notAsked() async throws {
        let good = "alice~fetch.test_mcp"
        #expect(try await ask(good, "/mcp", peer: "11.0.0.1").status == .forbidden)
        #expect(try await ask(good, nil, host: nil, peer: "11.0.0.1").status == .forbidden)
        #expect(try await ask(good, nil, host: nil).status == .forbidden)
        for (uri, host) in [
            ("/other", "fetch.test"), ("/mcpx", "fetch.test"), ("/mcp", "other.test"), ("/mcp/../x", "fetch.test"),
            ("/x/..%2fmcp", "fetch.test"), ("/mcp", "fetch.test:444"), ("/", "auth.test"),
        ] {
            #expect(try await ask(good, uri, host: host).status == .forbidden, "\(host)\(uri)")
            #expect(try await ask(nil, uri, host: host).status == .forbidden, "\(host)\(uri)")
        }
    }

    @Test("where no resource elsewhere is named, the question is whether the token is good here")
    func unnamed() async throws {
        for publicURL in ["https://auth.test", nil] {
            let endpoint = Self.make(external: false, publicURL: publicURL)
            for (peer, host, uri) in [
                ("11.0.0.1", nil, nil), ("11.0.0.1", "evil.test", "/a/mcp"), ("10.0.0.1", nil, nil),
                ("10.0.0.1", "n8n.test", "/mcp"),
            ] as [(String, String?, String?)] {
                #expect(try await ask(endpoint, "alice~_b_mcp", uri, host: host, peer: peer).status == .ok)
                #expect(try await ask(endpoint, "alice~_c_mcp", uri, host: host, peer: peer).status == .unauthorized)
                #expect(try await ask(endpoint, nil, uri, host: host, peer: peer).status == .unauthorized)
            }
        }
        let named = Self.make(external: false)
        #expect(try await ask(named, "alice~_b_mcp", "/a/mcp", host: "auth.test").status == .unauthorized)
        #expect(try await ask(named, "alice~_a_mcp", "/a/mcp", host: "auth.test").status == .ok)
    }

    @Test("R04: a verifier that cannot decide lets nobody through")
    func unavailable() async throws {
        #expect(try await ask("down", "/mcp").status == .serviceUnavailable)
    }

    static let names: [String] = [
        "X-User-Id", "X-User-Name", "X-User-Email", "X-Client-Id", "X-Scope", "X-Auth-Token", "X-Sallyport-Identity",
    ]
    /// 42 spellings: each name with underscores, dots, both, in upper case and half and half.
    static let spellings: [String] = names.flatMap { name in
        [
            name.replacing("-", with: "_"), name.replacing("-", with: "."), name.lowercased().replacing("-", with: "_"),
            name.uppercased().replacing("-", with: "_"), name.uppercased().replacing("-", with: "."),
            String(name.prefix(1)) + "_" + name.dropFirst(2),
        ]
    }

    @Test("R07: 42 spellings of our own headers end at 403", arguments: spellings)
    func forged(name: String) async throws {
        #expect(try await ask("alice~fetch.test_mcp", "/mcp", adding: [(name, "mallory")]).status == .forbidden)
        #expect(try await ask(nil, "/mcp", adding: [(name, "mallory")]).status == .unauthorized)
    }

    @Test("R07: a header that we answer is the proxy's to replace; one that we leave out is not let through")
    func exact() async throws {
        for name in ["X-User-Id", "x-user-name", "X-USER-EMAIL", "X-Client-Id", "X-Scope"] {
            #expect(try await ask("alice~fetch.test_mcp", "/mcp", adding: [(name, "mallory")]).status == .ok, "\(name)")
        }
        for (token, name) in [
            ("bob", "X-User-Email"), ("alice", "X-Auth-Token"), ("alice", "X-Sallyport-Identity"),
        ] {
            #expect(try await ask("\(token)~fetch.test_mcp", "/mcp", adding: [(name, "m")]).status == .forbidden)
        }
    }

    @Test("a person at the address bar sees a page, with the challenge; a program does not")
    func browser() async throws {
        let accept = ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        let page = try await ask(nil, "/mcp", adding: [accept, ("Sec-Fetch-Mode", "navigate")])
        #expect(page.status == .unauthorized && page.fields.contains("www-authenticate"))
        guard case .bytes(let bytes) = page.body else { throw AnyFailure() }
        #expect(String(decoding: bytes, as: UTF8.self).contains("page of fetch at https://auth.test"))
        for fields in [[("Accept", "application/json, text/event-stream")], [accept, ("Sec-Fetch-Mode", "cors")], []] {
            guard case .bytes(let bytes) = try await ask(nil, "/mcp", adding: fields).body else { throw AnyFailure() }
            #expect(!String(decoding: bytes, as: UTF8.self).contains("page of"))
        }
    }

    @Test("a name that would break a header line is mended; bytes beyond ASCII stay")
    func names() {
        let principal = Principal(
            user: UserID("u"), userName: "J\u{FC}rgen\r\nX-User-Id: root\u{0}", client: ClientID("c"),
            scope: Scope(tokens: []), expires: Timestamp(millisecondsSinceEpoch: 0))
        let fields = IdentityHeaders(principal, token: nil).fields
        #expect(fields["x-user-name"] == "J\u{FC}rgenX-User-Id: root" && !fields.hasRefusedField)
    }
}

struct AnyFailure: Error {}

/// Metadata at the hosts of resources that stand elsewhere.
@Suite struct ResourceSitesTests {
    private func ask(_ host: String, _ path: String, method: HTTPMethod = .get) async throws -> HTTPResponse {
        let next = HTTPHandler { request, _ in .text(.ok, "next \(request.authority)\(request.path)") }
        let sites = ResourceSites(
            VerifyResources(external: true), publicURL: try HTTPURL("https://auth.test"), before: next)
        return await sites.respond(
            to: HTTPRequest(method: method, path: path, authority: host), body: HTTPRequestBody([]))
    }

    private func text(_ host: String, _ path: String) async throws -> String {
        guard case .bytes(let bytes) = try await ask(host, path).body else { return "" }
        return String(decoding: bytes, as: UTF8.self).trimmingSuffix { $0 == "\n" }
    }

    @Test("RFC 9728 §3: each resource's document at its own host, and nowhere else")
    func documents() async throws {
        let known = "/.well-known/oauth-protected-resource"
        let fetch = try JSONDocument(parsing: Array(try await text("fetch.test", known + "/mcp").utf8)).root
        #expect(fetch["resource"]?.string == "https://fetch.test/mcp")
        #expect(fetch["authorization_servers"]?.elements.map(\.string) == ["https://auth.test"])
        #expect(try await text("fetch.test:443", known + "/mcp").contains("https://fetch.test/mcp"))
        #expect(try await text("whole.test", known).contains("\"https://whole.test\""))
        #expect(try await text("fetch.test", "/mcp" + known).contains("https://fetch.test/mcp"))
        #expect(try await text("fetch.test", known).hasPrefix("next"), "two resources: the root describes neither")
        #expect(try await ask("fetch.test", known + "/mcp", method: .post).status == .methodNotAllowed)
    }

    @Test("R07: a hostile Host finds nothing; our own metadata is lent to hosts that are named")
    func hosts() async throws {
        let known = "/.well-known/oauth-protected-resource/mcp"
        for host in ["evil.test", "fetch.test.evil.test", "fetch.test:8443", "auth.test"] {
            #expect(try await text(host, known) == "next \(host)\(known)")
            let server = "/.well-known/oauth-authorization-server"
            #expect(try await text(host, server) == "next \(host)\(server)")
        }
        let server = "/.well-known/oauth-authorization-server/mcp"
        #expect(try await text("fetch.test", server) == "next auth.test\(server)")
        #expect(try await text("fetch.test", "/authorize") == "next fetch.test/authorize")
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, predicate(last) { text.removeLast() }
        return text
    }
}
