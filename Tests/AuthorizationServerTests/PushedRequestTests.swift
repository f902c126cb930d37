import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import Telemetry
import Testing

/// Pushed authorization requests, with the cases of the FAPI 2 modules by name.
@Suite struct PushedRequestTests {
    /// The parameters of an authorization request as a form; `nil` removes one.
    static func form(_ client: Fixture.TestClient, changing: [String: String?] = [:]) -> [(String, String)] {
        var parameters: [String: String?] = [
            "response_type": "code", "client_id": client.id, "redirect_uri": client.redirect, "state": "xyz",
            "code_challenge": Fixture.challenge(), "code_challenge_method": "S256", "client_secret": client.secret,
            "resource": "http://localhost:8080/a/mcp",
        ]
        parameters.merge(changing) { $1 }
        return parameters.compactMap { name, value in value.map { (name, $0) } }
    }

    static func push(
        _ fixture: Fixture, _ client: Fixture.TestClient, changing: [String: String?] = [:]
    ) async throws -> String {
        let answer = await fixture.send(.post, "/par", form: form(client, changing: changing))
        try #require(answer.status == 201, "\(answer.text)")
        return try #require(try answer.member("request_uri"))
    }

    static func target(_ reference: String, client: String, adding: [(String, String)] = []) -> String {
        "/authorize?" + Fixture.encode([("client_id", client), ("request_uri", reference)] + adding)
    }

    @Test("RFC 9126: a pushed request leads to a code, and what stands beside its reference counts for nothing")
    func happy() async throws {
        let fixture = try await Fixture()
        let user = try await fixture.addUser()
        for method in ["none", "client_secret_post"] {
            let client = try await fixture.registerClient(method: method)
            let answer = await fixture.send(.post, "/par", form: Self.form(client))
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.header("cache-control") == "no-store")
            #expect(try answer.json()["expires_in"]?.integer == 60)
            let reference = try #require(try answer.member("request_uri"))
            #expect(reference.hasPrefix("urn:ietf:params:oauth:request_uri:") && reference.utf8.count > 70)
            let browser = TestBrowser(fixture)
            try await fixture.signIn(browser, as: user)
            let beside = [("redirect_uri", "https://evil.test/cb"), ("state", "other"), ("scope", "b:read")]
            let page = await browser.follow(
                await browser.get(Self.target(reference, client: client.id, adding: beside)))
            #expect(page.status == 200, "\(page.text)")
            let end = await browser.post("/consent", page.form(decision: "allow"))
            #expect(end.location?.hasPrefix(client.redirect) == true)
            #expect(end.locationParameters["state"] == "xyz")
            let code = try #require(end.locationParameters["code"])
            let tokens = await fixture.redeem(code, client)
            #expect(try tokens.member("scope") == "a:read a:write")
        }
    }

    @Test("A17: par-attempt-reuse-request_uri, also by a hundred at once")
    func reuse() async throws {
        let fixture = try await Fixture()
        let user = try await fixture.addUser()
        let client = try await fixture.registerClient()
        let reference = try await Self.push(fixture, client)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        #expect(await browser.get(Self.target(reference, client: client.id)).status == 303)
        try Self.expectPage(await browser.get(Self.target(reference, client: client.id)))
        let raced = try await Self.push(fixture, client)
        let wins = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    await fixture.send(
                        .get, Self.target(raced, client: client.id), from: "127.0.0.\(Int.random(in: 2...250))"
                    ).status == 303
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
    }

    @Test("A17: par-attempt-to-use-request_uri-for-different-client, and it stays good for its own")
    func otherClient() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let other = try await fixture.registerClient()
        let reference = try await Self.push(fixture, client)
        try Self.expectPage(await fixture.send(.get, Self.target(reference, client: other.id)))
        try Self.expectPage(await fixture.send(.get, "/authorize?" + Fixture.encode([("request_uri", reference)])))
        let twice = Self.target(reference, client: client.id, adding: [("client_id", other.id)])
        try Self.expectPage(await fixture.send(.get, twice))
        #expect(await fixture.send(.get, Self.target(reference, client: client.id)).status == 303)
    }

    @Test("A17: par-attempt-to-use-expired-request_uri, at the first moment of its end")
    func expired() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let reference = try await Self.push(fixture, client)
        let late = try await Self.push(fixture, client)
        fixture.clock.advance(by: .milliseconds(59_999))
        #expect(await fixture.send(.get, Self.target(reference, client: client.id)).status == 303)
        fixture.clock.advance(by: .milliseconds(1))
        try Self.expectPage(await fixture.send(.get, Self.target(late, client: client.id)))
    }

    @Test("A17: par-attempt-invalid-http-method", arguments: [HTTPMethod.get, .put, .delete])
    func method(_ method: HTTPMethod) async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(method, "/par")
        #expect(answer.status == 405)
        #expect(answer.header("allow")?.contains("POST") == true)
    }

    @Test("A17: par-authorization-request-containing-request_uri and request objects are refused when pushed")
    func objects() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let reference = try await Self.push(fixture, client)
        for uri in [reference, "http://169.254.169.254/", "urn:x"] {
            let answer = await fixture.send(.post, "/par", form: Self.form(client, changing: ["request_uri": uri]))
            #expect(try answer.member("error") == "invalid_request")
        }
        let object = await fixture.send(.post, "/par", form: Self.form(client, changing: ["request": "e30.e30."]))
        #expect(try object.member("error") == "request_not_supported")
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        #expect(await fixture.redeem(try await fixture.code(browser, client), client).status == 200)
        let answer = await browser.get(fixture.authorizeTarget(client, changing: ["request": "e30.e30."]))
        #expect(answer.locationParameters["error"] == "request_not_supported", "\(answer.status) \(answer.text)")
        #expect(answer.locationParameters["state"] == "xyz" && answer.locationParameters["code"] == nil)
    }

    /// `request_uri` values that are no live reference, and the page of each.
    static let foreign = [
        ("http://169.254.169.254/", "not here"), ("https://app.test/request.jwt", "not here"), ("urn:x", "not here"),
        ("URN:IETF:PARAMS:OAUTH:REQUEST_URI:sp_request_x", "not here"), ("sp_request_x", "not here"),
        ("urn:ietf:params:oauth:request_uri", "not here"), ("data:,x", "not here"), (" ", "not here"),
        ("urn:ietf:params:oauth:request_uri:", "This request is over"),
        ("urn:ietf:params:oauth:request_uri:sp_request_x", "This request is over"),
    ]

    @Test("A17: no request_uri but a live one of ours redirects, not even to a client that the user approved")
    func foreignReferences() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        #expect(await fixture.redeem(try await fixture.code(browser, client), client).status == 200, "approved")
        let spent = try await Self.push(fixture, client)
        let used = await browser.follow(await browser.get(Self.target(spent, client: client.id)))
        #expect(used.locationParameters["code"] != nil)
        for (uri, title) in Self.foreign + [(spent, "This request is over")] {
            for prompt in [nil, "none"] {
                let answer = await browser.get(
                    fixture.authorizeTarget(client, changing: ["request_uri": uri, "prompt": prompt]))
                try Self.expectPage(answer)
                #expect(answer.text.contains(title) && !answer.text.contains(client.redirect), "\(uri)")
            }
        }
        let empty = await browser.follow(
            await browser.get(fixture.authorizeTarget(client, changing: ["request_uri": ""])))
        #expect(empty.locationParameters["code"] != nil, "an empty one is none (OAuth 2.1 §3.1)")
    }

    @Test("RFC 9126 §2.3: what /authorize would refuse, /par refuses as JSON")
    func refusals() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        for (change, error) in [
            (["redirect_uri": "https://evil.test/cb"], "invalid_request"), (["redirect_uri": nil], "invalid_request"),
            (["code_challenge": nil], "invalid_request"), (["code_challenge_method": "plain"], "invalid_request"),
            (["response_type": "token"], "unsupported_response_type"), (["scope": "nothing"], "invalid_scope"),
            (["resource": "https://evil.test/a/mcp"], "invalid_target"),
            (["response_mode": "fragment"], "invalid_request"),
        ] as [([String: String?], String)] {
            let answer = await fixture.send(.post, "/par", form: Self.form(client, changing: change))
            #expect(answer.status == 400, "\(change)")
            #expect(try answer.member("error") == error, "\(change): \(answer.text)")
        }
        let twice = await fixture.send(.post, "/par", form: Self.form(client) + [("scope", "a:read"), ("scope", "a")])
        #expect(try twice.member("error") == "invalid_request", "A10")
    }

    @Test("A09: /par wants the client's credentials as /token does, and only in one way")
    func authentication() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        for secret in [nil, "wrong"] {
            let answer = await fixture.send(
                .post, "/par", form: Self.form(client, changing: ["client_secret": secret]))
            #expect(answer.status == 401)
            #expect(try answer.member("error") == "invalid_client")
        }
        let query = await fixture.send(
            .post, "/par?client_secret=" + (client.secret ?? ""),
            form: Self.form(client, changing: ["client_secret": nil as String?]))
        #expect(query.status == 401)
        let other = try await fixture.registerClient(method: "client_secret_post")
        let swapped = await fixture.send(
            .post, "/par", form: Self.form(client, changing: ["client_secret": other.secret]))
        #expect(swapped.status == 401)
    }

    @Test("RFC 9126 §5: where pushing is required, the metadata says so and a plain request is refused")
    func required() async throws {
        let fixture = try await Fixture { $0.grants.requiresPushedRequests = true }
        let metadata = await fixture.send(.get, "/.well-known/oauth-authorization-server")
        #expect(try metadata.member("pushed_authorization_request_endpoint") == "http://localhost:8080/par")
        #expect(try metadata.json()["require_pushed_authorization_requests"]?.boolean == true)
        let client = try await fixture.registerClient()
        try Self.expectPage(await fixture.send(.get, fixture.authorizeTarget(client)))
        let reference = try await Self.push(fixture, client)
        #expect(await fixture.send(.get, Self.target(reference, client: client.id)).status == 303)
        let free = try await Fixture()
        let other = await free.send(.get, "/.well-known/oauth-authorization-server")
        #expect(try other.json()["require_pushed_authorization_requests"] == nil)
    }

    @Test("O05: one address cannot push without end")
    func limited() async throws {
        let fixture = try await Fixture { $0.grants.clientRequestsPerMinute = 3 }
        let client = try await fixture.registerClient()
        for _ in 0..<3 { _ = try await Self.push(fixture, client) }
        let answer = await fixture.send(.post, "/par", form: Self.form(client))
        #expect(answer.status == 429)
        #expect(answer.header("retry-after") != nil)
        #expect(await fixture.send(.post, "/par", form: Self.form(client), from: "127.0.0.9").status == 201)
    }

    /// An error page of our own: 4xx, no redirect.
    static func expectPage(_ answer: Answer) throws {
        #expect((400..<500).contains(answer.status), "\(answer.status)")
        #expect(answer.location == nil)
        #expect(answer.header("content-type")?.hasPrefix("text/html") == true)
    }

    @Test("A10: an empty client_id beside the client's own credentials is none")
    func emptyClient() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        let basic = "Basic " + Data("\(client.id):\(secret)".utf8).base64EncodedString()
        let answer = await fixture.send(
            .post, "/par", fields: [("Authorization", basic)],
            form: Self.form(client, changing: ["client_id": "", "client_secret": nil]))
        #expect(answer.status == 201, "\(answer.text)")
    }

    @Test("RFC 9126 §2.3, H07: what is larger than any request is 413")
    func tooLarge() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let form = Self.form(client, changing: ["state": String(repeating: "x", count: 70_000)])
        for path in ["/par", "/token", "/revoke", "/introspect"] {
            let answer = await fixture.send(.post, path, form: form)
            #expect(answer.status == 413, "\(path)")
            #expect(try answer.member("error") == "invalid_request")
        }
    }

    @Test("OAuth 2.1 §4.1.2.1: a client without the grant type of codes is unauthorized_client before anybody signs in")
    func grantType() async throws {
        let fixture = try await Fixture()
        let registered = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"none",
                "grant_types":["urn:ietf:params:oauth:grant-type:device_code"]}
                """)
        let client = Fixture.TestClient(
            id: try #require(try registered.member("client_id")), secret: nil, redirect: Fixture.redirect)
        let page = await fixture.send(.get, fixture.authorizeTarget(client))
        #expect(page.status == 400 && page.text.contains("unauthorized_client"), "A03: on a page of ours")
    }
}
