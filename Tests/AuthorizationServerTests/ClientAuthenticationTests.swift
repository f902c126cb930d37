import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Who may ask `/token`, `/revoke` and `/introspect`.
@Suite struct ClientAuthenticationTests {
    @Test(
        "A09: a confidential client without its secret is invalid_client",
        arguments: ["/token", "/revoke", "/introspect"])
    func missingSecret(path: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        let secret = try #require(client.secret)
        let base = [
            ("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x"), ("client_id", client.id),
        ]
        for answer in [
            await fixture.send(.post, path, form: base),
            await fixture.send(.post, path, form: base + [("client_secret", "wrong")]),
            await fixture.send(.post, path + "?client_secret=" + secret, form: base),
        ] {
            #expect(answer.status == 401)
            #expect(try answer.member("error") == "invalid_client")
        }
        let right = await fixture.send(.post, path, form: base + [("client_secret", secret)])
        #expect(right.status == (path == "/token" ? 400 : 200))
    }

    @Test("A09: Basic is answered with its challenge, and only by who registered it")
    func basic() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        func post(_ credentials: String, _ form: [(String, String)] = [("token", "x")]) async -> Answer {
            let value = "Basic " + Base64.encode(Array(credentials.utf8))
            return await fixture.send(.post, "/revoke", fields: [("Authorization", value)], form: form)
        }
        #expect(await post("\(client.id):\(secret)").status == 200)
        let wrong = await post("\(client.id):wrong")
        #expect(wrong.status == 401)
        #expect(wrong.header("www-authenticate")?.hasPrefix("Basic") == true)
        let body = await fixture.send(
            .post, "/revoke", form: [("token", "x"), ("client_id", client.id), ("client_secret", secret)])
        #expect(body.status == 200, "the same secret in the body")
    }

    @Test("A09: two ways at once are invalid_request")
    func twoWays() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        let value = "Basic " + Base64.encode(Array("\(client.id):\(secret)".utf8))
        let answer = await fixture.send(
            .post, "/token", fields: [("Authorization", value)],
            form: [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_secret", secret)])
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_request")
    }

    @Test("A09: a public client with a secret, and an unknown client, are invalid_client")
    func publicAndUnknown() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let form = [("token", "x"), ("client_id", client.id)]
        #expect(await fixture.send(.post, "/revoke", form: form).status == 200)
        #expect(await fixture.send(.post, "/revoke", form: form + [("client_secret", "s")]).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: [("token", "x"), ("client_id", "nobody")]).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: [("token", "x")]).status == 401)
    }

    @Test("a JSON body at /token is invalid_request, and another grant type is unsupported")
    func malformed() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let json = await fixture.send(
            .post, "/token", fields: [("Content-Type", "application/json")], body: "{\"grant_type\":\"password\"}")
        #expect(try json.member("error") == "invalid_request")
        let password = await fixture.send(
            .post, "/token", form: [("grant_type", "password"), ("client_id", client.id)])
        #expect(try password.member("error") == "unsupported_grant_type")
    }

    @Test(
        "T10: an assertion proves its client once, at each endpoint", arguments: ["/token", "/revoke", "/introspect"])
    func assertion(path: String) async throws {
        let fixture = try await Fixture()
        let client = try await AssertingClient.register(fixture)
        let assertion = try client.assertion(id: "first", at: fixture.clock.now)
        #expect(await client.post(fixture, path, assertion).status == (path == "/token" ? 400 : 200))
        let replayed = await client.post(fixture, path, assertion)
        #expect(replayed.status == 401)
        #expect(try replayed.member("error") == "invalid_client")
        #expect(
            await client.post(fixture, "/revoke", try client.assertion(id: "second", at: fixture.clock.now)).status
                == 200)
        fixture.clock.advance(by: .seconds(301))
        #expect(await client.post(fixture, "/revoke", assertion).status == 401, "after its end")
    }

    @Test("T10: an assertion that fails does not use up its identifier")
    func failedAssertion() async throws {
        let fixture = try await Fixture()
        let (client, other) = (
            try await AssertingClient.register(fixture), try await AssertingClient.register(fixture)
        )
        let good = try client.assertion(id: "same", at: fixture.clock.now)
        let forged = try other.assertion(id: "same", subject: client.id, at: fixture.clock.now)
        #expect(await client.post(fixture, "/revoke", forged).status == 401)
        #expect(
            await other.post(fixture, "/revoke", try other.assertion(id: "same", at: fixture.clock.now)).status == 200)
        #expect(await client.post(fixture, "/revoke", good).status == 200)
    }

    @Test("A09: a client with keys cannot come without, with a secret, with another's assertion, or two ways at once")
    func otherWays() async throws {
        let fixture = try await Fixture()
        let client = try await AssertingClient.register(fixture)
        let secretive = try await fixture.registerClient(method: "client_secret_post")
        let form = [("token", "x"), ("client_id", client.id)]
        #expect(await fixture.send(.post, "/revoke", form: form).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: form + [("client_secret", "x")]).status == 401)
        let assertion = try client.assertion(id: "1", at: fixture.clock.now)
        let both = await client.post(fixture, "/revoke", assertion, adding: [("client_secret", "x")])
        #expect(both.status == 400)
        #expect(try both.member("error") == "invalid_request")
        let asOther = await client.post(fixture, "/revoke", assertion, adding: [("client_id", secretive.id)])
        #expect(asOther.status == 400)
        let untyped = await fixture.send(
            .post, "/revoke", form: [("token", "x"), ("client_assertion", assertion)])
        #expect(untyped.status == 401)
        let subject = try client.assertion(id: "2", subject: secretive.id, at: fixture.clock.now)
        #expect(await client.post(fixture, "/revoke", subject).status == 401, "who has a secret cannot assert")
    }

    @Test("A08: a code and a refresh token are good for their own client only")
    func foreignCodes() async throws {
        let fixture = try await Fixture()
        let (mine, theirs) = (
            try await fixture.registerClient(method: "client_secret_post"),
            try await fixture.registerClient(method: "client_secret_post")
        )
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let code = try await fixture.code(browser, mine)
        let stolen = await fixture.redeem(code, theirs, changing: ["redirect_uri": mine.redirect])
        #expect(stolen.status == 400)
        #expect(try stolen.member("error") == "invalid_grant")
        let tokens = await fixture.redeem(code, mine)
        #expect(tokens.status == 200, "the owner's code is unharmed")
        let refresh = try #require(try tokens.member("refresh_token"))
        #expect(try await fixture.refresh(refresh, theirs).member("error") == "invalid_grant")
        #expect(await fixture.refresh(refresh, mine).status == 200, "so is the owner's refresh token")
    }
}
