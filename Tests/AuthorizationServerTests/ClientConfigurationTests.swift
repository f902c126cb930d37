import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Management of registrations (RFC 7592).
@Suite struct ClientConfigurationTests {
    /// What a registration told its client.
    struct Registration {
        let id: String
        var token: String
        let secret: String?

        var path: String { "/register/" + id }
    }

    private func register(
        _ fixture: Fixture, method: String = "client_secret_post", name: String = "Before"
    ) async throws -> Registration {
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"client_name":"\(name)","token_endpoint_auth_method":"\(method)"}
                """)
        try #require(answer.status == 201)
        let id = try #require(try answer.member("client_id"))
        #expect(try answer.member("registration_client_uri") == "http://localhost:8080/register/" + id)
        return Registration(
            id: id, token: try #require(try answer.member("registration_access_token")),
            secret: try answer.member("client_secret"))
    }

    private func send(
        _ fixture: Fixture, _ method: HTTPMethod, _ path: String, token: String?, body: String? = nil
    ) async -> Answer {
        var fields = [("Content-Type", "application/json")]
        if let token { fields.append(("Authorization", "Bearer " + token)) }
        return await fixture.send(method, path, fields: fields, body: body)
    }

    @Test("RFC 7592 §2.1: a client reads its whole registration")
    func read() async throws {
        let fixture = try await Fixture()
        let mine = try await register(fixture)
        let answer = await send(fixture, .get, mine.path, token: mine.token)
        #expect(answer.status == 200)
        #expect(answer.header("cache-control") == "no-store")
        #expect(try answer.member("client_id") == mine.id)
        #expect(try answer.member("client_name") == "Before")
        #expect(try answer.member("registration_access_token") == mine.token)
        #expect(try answer.member("registration_client_uri") == "http://localhost:8080" + mine.path)
        #expect(try answer.json()["client_secret_expires_at"]?.integer == 0)
        #expect(try answer.json()["client_secret"] == nil, "told once")
        #expect(await send(fixture, .get, "/oauth" + mine.path, token: mine.token).status == 200)
        #expect(await send(fixture, .post, mine.path, token: mine.token).status == 405)
    }

    @Test(
        "A14: C1's token on C2's URI, a wrong one, none, and one of an unknown client are 401",
        arguments: [HTTPMethod.get, .put, .delete])
    func foreign(method: HTTPMethod) async throws {
        let fixture = try await Fixture()
        let (mine, theirs) = (try await register(fixture), try await register(fixture))
        let body = "{\"client_name\":\"Taken over\"}"
        for (path, token) in [
            (theirs.path, mine.token), (mine.path, "sp_registration_wrong"), (mine.path, nil), (mine.path, ""),
            ("/register/client_unknown", mine.token), (mine.path, mine.secret),
        ] as [(String, String?)] {
            let answer = await send(fixture, method, path, token: token, body: body)
            #expect(answer.status == 401)
            #expect(answer.header("www-authenticate")?.hasPrefix("Bearer") == true)
            #expect(try answer.member("error") == "invalid_token")
        }
        let inQuery = await send(fixture, method, mine.path + "?access_token=" + mine.token, token: nil, body: body)
        #expect(inQuery.status == 401)
        #expect(try await send(fixture, .get, theirs.path, token: theirs.token).member("client_name") == "Before")
    }

    @Test("RFC 7592 §2.2: a change is answered whole, and the token rotates")
    func change() async throws {
        let fixture = try await Fixture()
        var mine = try await register(fixture)
        let old = mine.token
        let answer = await send(
            fixture, .put, mine.path, token: old,
            body: """
                {"client_id":"\(mine.id)","client_secret":"\(mine.secret ?? "")","client_name":"After",
                 "redirect_uris":["https://app.test/cb"],"contacts":["a@b.test"]}
                """)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try answer.member("client_name") == "After")
        #expect(try answer.json()["redirect_uris"]?[0]?.string == "https://app.test/cb")
        #expect(try answer.member("token_endpoint_auth_method") == "client_secret_post")
        mine.token = try #require(try answer.member("registration_access_token"))
        #expect(mine.token != old)
        #expect(await send(fixture, .get, mine.path, token: old).status == 200, "until the new one has been seen")
        #expect(await send(fixture, .get, mine.path, token: mine.token).status == 200)
        #expect(await send(fixture, .get, mine.path, token: old).status == 401)
        let removed = await send(fixture, .put, mine.path, token: mine.token, body: "{\"client_name\":null}")
        #expect(try removed.json()["client_name"] == nil)
        #expect(try removed.json()["contacts"]?[0]?.string == "a@b.test", "what is left out stays")
        #expect(fixture.audit.actions.filter { $0 == .clientChanged }.count == 2)
    }

    @Test(
        "A14: what could not be registered cannot be changed into",
        arguments: [
            ("{\"redirect_uris\":[\"javascript:alert(1)\"]}", "invalid_redirect_uri"),
            ("{\"redirect_uris\":[\"http://localhost:8080/callback\"]}", "invalid_redirect_uri"),
            ("{\"redirect_uris\":[]}", "invalid_redirect_uri"), ("{\"redirect_uris\":null}", "invalid_redirect_uri"),
            ("{\"client_id\":\"client_other\"}", "invalid_client_metadata"),
            ("{\"client_secret\":\"chosen\"}", "invalid_client_metadata"),
            ("{\"registration_access_token\":\"x\"}", "invalid_client_metadata"),
            ("{\"registration_client_uri\":\"x\"}", "invalid_client_metadata"),
            ("{\"client_id_issued_at\":1}", "invalid_client_metadata"),
            ("{\"client_secret_expires_at\":0}", "invalid_client_metadata"),
            ("{\"token_endpoint_auth_method\":\"private_key_jwt\"}", "invalid_client_metadata"),
            ("[]", "invalid_client_metadata"), ("{", "invalid_client_metadata"),
        ])
    func badChange(body: String, code: String) async throws {
        let fixture = try await Fixture()
        let mine = try await register(fixture)
        let answer = await send(fixture, .put, mine.path, token: mine.token, body: body)
        #expect(answer.status == 400)
        #expect(try answer.member("error") == code)
        let unchanged = await send(fixture, .get, mine.path, token: mine.token)
        #expect(try unchanged.member("client_name") == "Before")
        #expect(try unchanged.json()["redirect_uris"]?[0]?.string == Fixture.redirect)
    }

    @Test("a client that changes how it authenticates gets the secret it needs, and loses the one it does not")
    func methods() async throws {
        let fixture = try await Fixture()
        let mine = try await register(fixture, method: "none")
        let body = "{\"token_endpoint_auth_method\":\"client_secret_basic\"}"
        let confidential = await send(fixture, .put, mine.path, token: mine.token, body: body)
        let secret = try #require(try confidential.member("client_secret"))
        let form = [("token", "x"), ("client_id", mine.id)]
        #expect(await fixture.send(.post, "/revoke", form: form).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: form + [("client_secret", secret)]).status == 200)
        let token = try #require(try confidential.member("registration_access_token"))
        let back = await send(
            fixture, .put, mine.path, token: token, body: "{\"token_endpoint_auth_method\":\"none\"}")
        #expect(try back.json()["client_secret"] == nil)
        #expect(await fixture.send(.post, "/revoke", form: form + [("client_secret", secret)]).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: form).status == 200)
    }

    @Test("A14: DELETE is 204 and every grant of the client is dead")
    func delete() async throws {
        let fixture = try await Fixture()
        let mine = try await register(fixture)
        let other = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let client = Fixture.TestClient(id: mine.id, secret: mine.secret, redirect: Fixture.redirect)
        let (tokens, others) = (
            try await fixture.tokens(client, user: user), try await fixture.tokens(other, user: user)
        )
        #expect(await fixture.accepts(tokens.access))
        let answer = await send(fixture, .delete, mine.path, token: mine.token)
        #expect(answer.status == 204)
        #expect(answer.bytes.isEmpty)
        #expect(await !fixture.accepts(tokens.access))
        #expect(await fixture.accepts(others.access), "another client's grant lives")
        #expect(try await fixture.refresh(tokens.refresh, client).member("error") == "invalid_client")
        #expect(await send(fixture, .get, mine.path, token: mine.token).status == 401)
        #expect(await send(fixture, .delete, mine.path, token: mine.token).status == 401)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let page = await browser.get(fixture.authorizeTarget(client))
        #expect(page.status == 400 && page.location == nil)
        #expect(fixture.audit.actions.contains(.clientRemoved))
    }

    @Test("A14: changes count against the rate of registrations")
    func rate() async throws {
        let fixture = try await Fixture { $0.registration.perMinute = 2 }
        let mine = try await register(fixture)
        #expect(await send(fixture, .put, mine.path, token: mine.token, body: "{\"client_name\":\"A\"}").status == 200)
        let late = await send(fixture, .put, mine.path, token: mine.token, body: "{\"client_name\":\"B\"}")
        #expect(late.status == 429)
        #expect(late.header("retry-after") != nil)
        #expect(await send(fixture, .get, mine.path, token: mine.token).status == 200)
        let name = String(repeating: "x", count: 70_000)
        fixture.clock.advance(by: .seconds(60))
        let large = await send(fixture, .put, mine.path, token: mine.token, body: "{\"client_name\":\"\(name)\"}")
        #expect(large.status == 413)
    }
}
