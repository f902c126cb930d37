import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// `/authorize`: what is shown, what is redirected, and what begins.
@Suite struct AuthorizeTests {
    static let mutants = [
        "https://app.test/cb?x=2", "https://app.test/cb", "https://app.test/cb?x=1&y=2", "https://app.test/cb/?x=1",
        "https://APP.test/cb?x=1", "HTTPS://app.test/cb?x=1", "https://app.test/CB?x=1", "https://app.test/%63b?x=1",
        "https://user@app.test/cb?x=1", "https://app.test@evil.test/cb?x=1", "https://app.test@@evil.test/cb?x=1",
        "https://app.test\\@evil.test/cb?x=1", "https://app.test/a/..;/cb?x=1", "https://app.test/./cb?x=1",
        "https://app.test/cb?x=1#", "https://app.test/cb?x=1#frag", "https://app.test:443/cb?x=1",
        "https://app.test./cb?x=1", "https://app.test/cb?x=1%20", " https://app.test/cb?x=1",
        "https://app.test/cb?x=1\t", "https://app.test/cb%00?x=1", "https://аpp.test/cb?x=1",
        "http://app.test/cb?x=1", "//app.test/cb?x=1", "/cb?x=1", "https://app.test/cb?X=1", "javascript:alert(1)",
        "https://evil.test/https://app.test/cb?x=1", "https://app.test.evil.test/cb?x=1",
        "https://app.test/cb?y=2&x=1", "https://app.test/cb?x=1&x=1", "https://app.test/cb?x=%31",
        "https://app.test/cb?%78=1", "https://app.test/cb??x=1", "https://app.test/cb?x=1?", "https://app.test/cb?",
        "https://app.test?x=1", "https://app.test//cb?x=1", "https://app.test/../cb?x=1",
        "https://app.test/cb/..;/cb?x=1", "https://app.test/cb;?x=1", "https://app.test/cb#?x=1",
        "https://@app.test/cb?x=1", "https://user:pw@app.test/cb?x=1", "https://evil.test@app.test/cb?x=1",
        "https://evil.test/app.test/cb?x=1", "https://evilapp.test/cb?x=1", "https://sub.app.test/cb?x=1",
        "https://app.test:8443/cb?x=1", "https:\\\\app.test/cb?x=1", "https:/app.test/cb?x=1",
        "https:///app.test/cb?x=1", "https:app.test/cb?x=1", "https://app.test/cb\t?x=1", "https://app.test/cb?x=1\n",
        "https://app.test/cb?x=1\r\n", "https://app.test/cb?x=1\0", "https://app.test/cb?x=1%00",
        "https://app.test/cb?x=1%0d%0aX:y", "https://app.test/c\u{E9}b?x=1", "https://app.test/ce\u{301}b?x=1",
        "https://app\u{3002}test/cb?x=1", "https://app.test/cb?x=\u{FF11}", "data:text/html,x", "https://",
    ]

    @Test("A01: a redirect URI that differs by a byte is shown, not redirected", arguments: mutants)
    func mutantRedirect(uri: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(redirects: ["https://app.test/cb?x=1"])
        let answer = await fixture.send(.get, fixture.authorizeTarget(client, changing: ["redirect_uri": uri]))
        #expect(answer.status == 400)
        #expect(answer.location == nil)
        #expect(answer.headers("set-cookie").isEmpty)
        #expect(try await fixture.openLogins() == 0, "nothing is stored")
    }

    @Test("a12, A01: of sixty mutants and more the registered bytes alone begin a login")
    func registeredRedirect() async throws {
        #expect(Set(Self.mutants.map { Array($0.utf8) }).count >= 60)
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(redirects: ["https://app.test/cb?x=1"])
        #expect(await fixture.send(.get, fixture.authorizeTarget(client)).status == 303)
        #expect(try await fixture.openLogins() == 1)
    }

    @Test("A02: only the port of a loopback redirect URI may vary")
    func loopbackPort() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(redirects: ["http://127.0.0.1/cb"])
        let accepted = await fixture.send(
            .get, fixture.authorizeTarget(client, changing: ["redirect_uri": "http://127.0.0.1:49152/cb"]))
        #expect(accepted.status == 303)
        for uri in [
            "http://127.0.0.1/cb?x=1", "http://127.0.0.2/cb", "http://0.0.0.0/cb", "http://localhost/cb",
            "http://127.1/cb", "https://127.0.0.1/cb", "http://127.0.0.1:49152/cb/", "http://[::1]/cb",
        ] {
            let answer = await fixture.send(.get, fixture.authorizeTarget(client, changing: ["redirect_uri": uri]))
            #expect(answer.status == 400, "\(uri)")
        }
    }

    @Test(
        "A03: nobody is sent to an unapproved client's address",
        arguments: [
            ["scope": "bogus"], ["prompt": "none"], ["response_type": "token"], ["code_challenge": nil],
            ["resource": "https://evil.test/mcp"],
        ] as [[String: String?]])
    func noOpenRedirect(change: [String: String?]) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(redirects: ["https://evil.test/cb"])
        let target = fixture.authorizeTarget(client, changing: change)
        let query = try #require(URLComponents(string: target)?.queryItems).map { ($0.name, $0.value ?? "") }
        for anonymous in [
            await fixture.send(.get, target), await fixture.send(.get, "/oauth" + target),
            await fixture.send(.post, "/authorize", fields: [("Origin", "https://evil.test")], form: query),
        ] {
            #expect(anonymous.status == 400)
            #expect(anonymous.location == nil)
        }
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let signedIn = await browser.get(fixture.authorizeTarget(client, changing: change))
        #expect(signedIn.status == 400)
        #expect(signedIn.text.contains("https://evil.test/cb?error="), "the page links to the client")
    }

    /// Changes, and the error of each.
    static let errors: [([String: String?], String)] = [
        (["code_challenge": nil], "invalid_request"),
        (["code_challenge_method": "plain"], "invalid_request"),
        (["code_challenge_method": nil], "invalid_request"),
        (["code_challenge": "short"], "invalid_request"),
        (["response_type": "token"], "unsupported_response_type"),
        (["response_type": "code token"], "unsupported_response_type"),
        (["response_type": nil], "invalid_request"),
        (["response_mode": "fragment"], "invalid_request"),
        (["scope": "a:read bogus"], "invalid_scope"),
        (["scope": "b:read"], "invalid_scope"),
        (["resource": "http://localhost:8080/unknown/mcp"], "invalid_target"),
        (["resource": "/a/mcp"], "invalid_target"),
        (["resource": "http://localhost:8080/a/mcp#f"], "invalid_target"),
        (["resource": "https://other.test/a/mcp"], "invalid_target"),
        (["request": "e30.e30."], "request_not_supported"),
    ]

    @Test("a16, A04, A13, A17, A18: errors go to an approved client with state and iss", arguments: errors)
    func redirectedError(change: [String: String?], error: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, client)
        #expect(await fixture.redeem(code, client).status == 200)
        let answer = await browser.get(fixture.authorizeTarget(client, changing: change))
        #expect(answer.status == 303)
        #expect(answer.location?.hasPrefix(Fixture.redirect + "?") == true)
        #expect(answer.locationParameters["error"] == error)
        #expect(answer.locationParameters["state"] == "xyz")
        #expect(answer.locationParameters["iss"] == "http://localhost:8080")
        #expect(answer.locationParameters["code"] == nil)
    }

    @Test("A10: a repeated client_id or redirect_uri is shown", arguments: ["client_id", "redirect_uri"])
    func repeatedIdentity(name: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let value = name == "client_id" ? client.id : client.redirect
        let answer = await fixture.send(.get, fixture.authorizeTarget(client, adding: [(name, value)]))
        #expect(answer.status == 400)
        #expect(answer.location == nil)
    }

    @Test(
        "A10: any other repeated parameter is invalid_request, unknown ones are ignored",
        arguments: [
            "response_type", "scope", "state", "code_challenge", "code_challenge_method", "prompt", "response_mode",
            "request", "nonce", "dpop_jkt",
        ])
    func repeatedParameter(name: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let target = fixture.authorizeTarget(client, changing: [name: nil], adding: [(name, "a"), (name, "a")])
        let query = try #require(URLComponents(string: target)?.queryItems).map { ($0.name, $0.value ?? "") }
        for twice in [
            await fixture.send(.get, target),
            await fixture.send(.post, "/authorize", fields: [("Origin", "https://app.test")], form: query),
        ] {
            #expect(twice.status == 400)
            #expect(twice.text.contains("error=invalid_request&"), "\(twice.text)")
        }
        let unknown = await fixture.send(.get, fixture.authorizeTarget(client, adding: [("foo", "1"), ("foo", "2")]))
        #expect(unknown.status == 303)
        let empty = await fixture.send(.get, fixture.authorizeTarget(client, changing: ["scope": ""]))
        #expect(empty.status == 303)
    }

    @Test("A10: a POST with a query as well is refused; a plain POST begins a login")
    func postedRequest() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let target = fixture.authorizeTarget(client)
        let query = try #require(URLComponents(string: target)?.queryItems).map { ($0.name, $0.value ?? "") }
        let posted = await fixture.send(
            .post, "/authorize", fields: [("Origin", "https://app.test")], form: query)
        #expect(posted.status == 303)
        #expect(posted.location?.hasPrefix("/login?transaction=") == true)
        let mixed = await fixture.send(.post, "/authorize?state=abc", form: query)
        #expect(mixed.status == 400)
    }

    @Test("a client of 2025-03-26 without resource gets every server, by the aliases too")
    func absentResource() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let target = "/oauth" + fixture.authorizeTarget(client, changing: ["resource": nil])
        let page = await browser.follow(await browser.get(target))
        #expect(page.text.contains("Server A") && page.text.contains("Server B"))
        let answer = await browser.post("/consent", page.form(decision: "allow"))
        let code = try #require(answer.locationParameters["code"])
        let tokens = await fixture.redeem(code, client)
        let access = try #require(try tokens.member("access_token"))
        #expect(await fixture.accepts(access))
        #expect(await fixture.accepts(access, resource: "http://localhost:8080/b/mcp"))
    }

    @Test("A18: every hop has its headers, posts answer 303, no CORS on /authorize")
    func headersOnEveryHop() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        let user = try await fixture.addUser()
        let first = await browser.get(fixture.authorizeTarget(client))
        let login = await browser.follow(first)
        try await fixture.signIn(browser, as: user)
        let begun = await browser.get(fixture.authorizeTarget(client))
        let consent = await browser.follow(begun)
        let answer = await browser.post("/consent", consent.form(decision: "allow"))
        #expect(answer.status == 303)
        #expect(answer.locationParameters["iss"] == "http://localhost:8080")
        #expect(answer.locationParameters["state"] == "xyz")
        for hop in [first, login, begun, consent, answer] {
            #expect(hop.header("referrer-policy") == "no-referrer")
            #expect(hop.header("cache-control") == "no-store")
            #expect(hop.header("access-control-allow-origin") == nil)
        }
        #expect(consent.status == 200)
    }

    @Test("H12: CR and LF in state come back encoded")
    func stateCannotSplit() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let page = await browser.follow(
            await browser.get(fixture.authorizeTarget(client, changing: ["state": "a\r\nSet-Cookie: x=y&code=z"])))
        let answer = await browser.post("/consent", page.form(decision: "allow"))
        #expect(answer.location?.contains("state=a%0D%0ASet-Cookie%3A%20x%3Dy%26code%3Dz") == true)
    }
}
