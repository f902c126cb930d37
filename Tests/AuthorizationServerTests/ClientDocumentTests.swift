import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Testing

/// Clients that describe themselves (Client ID Metadata Documents).
@Suite(.timeLimit(.minutes(2))) struct ClientDocumentTests {
    static let address = "https://client.test/oauth/metadata.json"

    static func document(_ changes: [String: String?] = [:], at address: String = address) -> String {
        var members: [String: String?] = [
            "client_id": "\"\(address)\"", "client_name": "\"Editor\"",
            "redirect_uris": "[\"\(Fixture.redirect)\",\"https://client.test/cb\"]",
        ]
        for (name, value) in changes { members[name] = value }
        let present = members.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }
        return "{" + present.sorted().joined(separator: ",") + "}"
    }

    static let client = Fixture.TestClient(id: address, secret: nil, redirect: Fixture.redirect)

    private func fixture(_ text: String? = nil, lifetime: Duration? = nil) async throws -> (Fixture, PublishedDocuments)
    {
        let web = PublishedDocuments()
        web.publish(text ?? Self.document(), at: Self.address, lifetime: lifetime)
        return (try await Fixture(documents: web), web)
    }

    @Test("a7: a client that published its metadata gets in without registering, and one fetch serves the whole login")
    func login() async throws {
        let (fixture, web) = try await fixture()
        let metadata = try await fixture.send(.get, "/.well-known/oauth-authorization-server").json()
        #expect(metadata["client_id_metadata_document_supported"]?.boolean == true)
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let consent = await browser.follow(await browser.get(fixture.authorizeTarget(Self.client)))
        #expect(consent.text.contains("Editor"))
        #expect(consent.text.contains("published by client.test"))
        let tokens = try await fixture.tokens(Self.client, user: user)
        #expect(await fixture.accepts(tokens.access))
        #expect(await fixture.refresh(tokens.refresh, Self.client).status == 200)
        #expect(web.fetches == [Self.address])
    }

    @Test("without a way out, nothing is advertised and such a client is unknown")
    func disabled() async throws {
        for fixture in [
            try await Fixture(),
            try await Fixture(documents: PublishedDocuments()) { $0.clientDocuments.isEnabled = false },
        ] {
            let metadata = try await fixture.send(.get, "/.well-known/oauth-authorization-server").json()
            #expect(metadata["client_id_metadata_document_supported"] == nil)
            #expect(await fixture.send(.get, fixture.authorizeTarget(Self.client)).status == 400)
        }
    }

    @Test("a document of a device client is refused where the device grant is switched off")
    func withoutDevices() async throws {
        let web = PublishedDocuments()
        web.publish(Self.document(["grant_types": "[\"\(DeviceTests.grantType)\"]"]), at: Self.address)
        let poll = [
            ("grant_type", DeviceTests.grantType), ("device_code", "x"), ("client_id", Self.address),
        ]
        let off = try await Fixture(documents: web) { $0.grants.devices.isEnabled = false }
        #expect(try await off.send(.post, "/token", form: poll).member("error") == "invalid_client")
        let on = try await Fixture(documents: web)
        #expect(try await on.send(.post, "/token", form: poll).member("error") == "invalid_grant")
    }

    @Test("A01, a7: a redirect URI that is not in the document is refused on our own page")
    func redirects() async throws {
        let (fixture, _) = try await fixture()
        for uri in ["https://client.test/cb2", "https://evil.test/cb", "http://127.0.0.1:7777/other"] {
            let page = await fixture.send(.get, fixture.authorizeTarget(Self.client, changing: ["redirect_uri": uri]))
            #expect(page.status == 400 && page.location == nil)
        }
        let port = await fixture.send(
            .get, fixture.authorizeTarget(Self.client, changing: ["redirect_uri": "http://127.0.0.1:9/callback"]))
        #expect(port.status == 303, "the port of a loopback address varies")
    }

    static let bad: [(String, String)] = [
        ("another client_id", document(["client_id": "\"https://client.test/oauth/metadata.json#\""])),
        ("client_id in another case", document(["client_id": "\"https://Client.test/oauth/metadata.json\""])),
        ("client_id with the default port", document(["client_id": "\"https://client.test:443/oauth/metadata.json\""])),
        ("no client_id", document(["client_id": nil])), ("client_id as list", document(["client_id": "[]"])),
        ("client_secret", document(["client_secret": "\"x\""])),
        ("client_secret null", document(["client_secret": "null"])),
        ("client_secret_expires_at", document(["client_secret_expires_at": "0"])),
        ("client_secret_basic", document(["token_endpoint_auth_method": "\"client_secret_basic\""])),
        ("client_secret_post", document(["token_endpoint_auth_method": "\"client_secret_post\""])),
        ("client_secret_jwt", document(["token_endpoint_auth_method": "\"client_secret_jwt\""])),
        (
            "private key",
            document(["jwks": "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"d\":\"c\"}]}"])
        ),
        ("shared key", document(["jwks": "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"])),
        ("no redirect_uris", document(["redirect_uris": nil])),
        ("empty redirect_uris", document(["redirect_uris": "[]"])),
        ("javascript redirect", document(["redirect_uris": "[\"javascript:alert(1)\"]"])),
        ("no client_name", document(["client_name": nil])), ("empty client_name", document(["client_name": "\"\""])),
        ("client_name as number", document(["client_name": "7"])),
        ("duplicate member", "{\"client_id\":\"\(address)\"," + document().dropFirst()),
        ("a long client_name", document(["client_name": "\"" + String(repeating: "x", count: 4000) + "\""])),
        ("too large", document(["x": "\"" + String(repeating: "x", count: 5 * 1024) + "\""])),
        (
            "too deep",
            document(["x": String(repeating: "[", count: 32) + String(repeating: "]", count: 32)])
        ),
        ("a list", "[\(document())]"), ("nothing", ""), ("half", String(document().dropLast())),
        ("byte order mark", "\u{FEFF}" + document()),
        ("client_credentials", document(["grant_types": "[\"client_credentials\"]"])),
        ("software statement", document(["software_statement": "\"x\""])),
    ]

    @Test(
        "A16: a document that must not be believed is refused on our own page, and is never kept",
        arguments: bad.indices)
    func hostileContent(index: Int) async throws {
        let (name, text) = Self.bad[index]
        let (fixture, web) = try await fixture(text)
        for round in 1...2 {
            let page = await fixture.send(.get, fixture.authorizeTarget(Self.client))
            #expect(page.status == 400 && page.location == nil, "\(name)")
            #expect(page.text.contains("cannot be accepted"), "\(name)")
            #expect(web.fetches.count == round, "\(name): errors are not cached")
        }
        let token = await fixture.send(
            .post, "/token",
            form: [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", Self.address)])
        #expect(token.status == 401)
        #expect(try token.member("error") == "invalid_client")
        web.publish(Self.document(), at: Self.address)
        #expect(await fixture.send(.get, fixture.authorizeTarget(Self.client)).status == 303, "\(name): mended")
    }

    @Test("A16: five KiB are read, and a byte more is not", arguments: [(5120, 303), (5121, 400)])
    func size(bytes: Int, status: Int) async throws {
        let rest = Self.document(["x": "\"\""]).utf8.count
        let text = Self.document(["x": "\"" + String(repeating: "x", count: bytes - rest) + "\""])
        #expect(text.utf8.count == bytes)
        let (fixture, _) = try await fixture(text)
        #expect(await fixture.send(.get, fixture.authorizeTarget(Self.client)).status == status)
    }

    @Test("A16: a publisher that does not answer is 503 for programs, and what it said before still counts")
    func unreachable() async throws {
        let (fixture, web) = try await fixture()
        web.fail(Self.address, .unreachable("timeout"))
        let page = await fixture.send(.get, fixture.authorizeTarget(Self.client))
        #expect(page.status == 503 && page.location == nil)
        let form = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", Self.address)]
        #expect(try await fixture.send(.post, "/token", form: form).member("error") == "temporarily_unavailable")
        web.publish(Self.document(), at: Self.address)
        #expect(await fixture.send(.get, fixture.authorizeTarget(Self.client)).status == 303)
        web.fail(Self.address, .unreachable("timeout"))
        fixture.clock.advance(by: .seconds(7200))
        #expect(try await fixture.send(.post, "/token", form: form).member("error") == "invalid_grant")
        fixture.clock.advance(by: .seconds(2 * 86_400))
        #expect(try await fixture.send(.post, "/token", form: form).member("error") == "temporarily_unavailable")
        web.publish(Self.document(), at: Self.address)
        #expect(try await fixture.send(.post, "/token", form: form).member("error") == "invalid_grant")
        web.fail(Self.address, .refused("status 404"))
        fixture.clock.advance(by: .seconds(7200))
        #expect(try await fixture.send(.post, "/token", form: form).member("error") == "invalid_client", "taken back")
    }

    @Test("A16: a changed name or redirect URI is asked about again; an unchanged document is not")
    func changes() async throws {
        let (fixture, web) = try await fixture()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        _ = try await fixture.code(browser, Self.client)
        // Sessions idle out in between: the browser signs in anew each time.
        func again() async throws -> Bool {
            fixture.clock.advance(by: .seconds(3600))
            try await fixture.signIn(browser, as: try #require(try await fixture.store.users().first))
            let answer = await browser.follow(await browser.get(fixture.authorizeTarget(Self.client)))
            guard answer.status == 200 else { return false }
            _ = await browser.post("/consent", answer.form(decision: "allow"))
            return true
        }
        #expect(try await !again(), "nothing changed")
        web.publish(Self.document(["client_name": "\"Another editor\""]), at: Self.address)
        #expect(try await again(), "another name")
        #expect(try await !again())
        web.publish(
            Self.document([
                "client_name": "\"Another editor\"",
                "redirect_uris": "[\"\(Fixture.redirect)\",\"https://client.test/cb\",\"https://client.test/more\"]",
            ]), at: Self.address)
        #expect(try await again(), "another redirect URI, though not the one of this request")
        #expect(try await !again())
        #expect(web.fetches.count == 6)
    }

    @Test(
        "A16: kept as Cache-Control says, within bounds",
        arguments: [
            (nil, 3599, 3601), (Duration.zero, 59, 61), (.seconds(1), 59, 61), (.seconds(600), 599, 601),
            (.seconds(31_536_000), 86_399, 86_401),
        ] as [(Duration?, Int, Int)])
    func lifetime(said: Duration?, kept: Int, gone: Int) async throws {
        let (fixture, web) = try await fixture(lifetime: said)
        _ = await fixture.send(.get, fixture.authorizeTarget(Self.client))
        fixture.clock.advance(by: .seconds(kept))
        _ = await fixture.send(.get, fixture.authorizeTarget(Self.client))
        #expect(web.fetches.count == 1)
        fixture.clock.advance(by: .seconds(gone - kept))
        _ = await fixture.send(.get, fixture.authorizeTarget(Self.client))
        #expect(web.fetches.count == 2)
    }

    @Test("A16: a thousand parallel requests for one document are one fetch")
    func collapse() async throws {
        let web = PublishedDocuments()
        web.publish(Self.document(), at: Self.address)
        let fixture = try await Fixture(documents: web) { $0.pageRequestsPerMinute = 10_000 }
        web.hold()
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<1000 {
                group.addTask { await fixture.send(.get, fixture.authorizeTarget(Self.client)).status }
            }
            for _ in 0..<50 { await Task.yield() }
            web.release()
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 303, count: 1000))
        #expect(web.fetches.count == 1)
    }

    @Test("A16: fetches because of one address are limited, and other addresses are not held back")
    func fetchLimit() async throws {
        let web = PublishedDocuments()
        let fixture = try await Fixture(documents: web) { $0.clientDocuments.fetchesPerMinute = 5 }
        func ask(_ number: Int, from address: String) async -> Answer {
            await fixture.send(
                .post, "/token",
                form: [("grant_type", "refresh_token"), ("client_id", "https://client.test/\(number)")],
                from: address)
        }
        for number in 0..<5 { #expect(await ask(number, from: "192.0.2.1").status == 401) }
        #expect(await ask(6, from: "192.0.2.1").status == 503)
        #expect(web.fetches.count == 5)
        #expect(await ask(7, from: "192.0.2.2").status == 401)
    }

    @Test(
        "allowed_hosts: only these, byte by byte",
        arguments: [
            (["client.test"], true), (["*"], true), ([], true), (["*.test"], true), (["other.test"], false),
            (["*.client.test"], false), (["lient.test"], false), (["client.test.evil"], false),
            (["*.ient.test"], false),
        ] as [([String], Bool)])
    func allowedHosts(patterns: [String], isAllowed: Bool) async throws {
        let web = PublishedDocuments()
        web.publish(Self.document(), at: Self.address)
        let fixture = try await Fixture(documents: web) { $0.clientDocuments.allowedHosts = patterns }
        let answer = await fixture.send(.get, fixture.authorizeTarget(Self.client))
        #expect(answer.status == (isAllowed ? 303 : 400))
        #expect(web.fetches.isEmpty == !isAllowed)
    }

    @Test("a registered or configured client of that name is not looked up elsewhere")
    func precedence() async throws {
        let web = PublishedDocuments()
        let configured = try ConfiguredClientTests.client(id: Self.address, resources: nil)
        let fixture = try await Fixture(documents: web) { $0.clients = [configured] }
        #expect(await fixture.send(.get, fixture.authorizeTarget(Self.client)).status == 303)
        #expect(web.fetches.isEmpty)
    }

    @Test("U07: a client whose document is spoilt cannot keep its users from their account page")
    func accountPage() async throws {
        let (fixture, web) = try await fixture(lifetime: .seconds(60))
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(Self.client, user: user)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        #expect(await browser.get("/account").text.contains("Editor"))
        let fetched = web.fetches.count
        for failure in [PeerDocumentError.unreachable("gone"), .refused("spoilt")] {
            fixture.clock.advance(by: .seconds(120))
            web.fail(Self.address, failure)
            #expect(await fixture.send(.get, fixture.authorizeTarget(Self.client)).status != 200)
            let page = await browser.get("/account")
            #expect(page.status == 200, "\(failure)")
            #expect(page.text.contains("Editor") || page.text.contains("client.test"))
        }
        #expect(web.fetches.count == fetched + 2, "the page itself fetches nothing")
        let forms = await browser.get("/account").text.components(separatedBy: "<form")
        let grant = try #require(forms.first { $0.contains("value=\"grant\"") })
        let form = Answer(response: HTTPResponse(status: .ok, body: .bytes(Array(("<form" + grant).utf8)))).form()
        #expect(await browser.post("/account", form).status == 303)
        try await fixture.service.prepare()
        #expect(await !fixture.accepts(tokens.access))
    }
}
