import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Whose an ID-JAG is, and what it opens.
@Suite("Users and access by identity assertions", .timeLimit(.minutes(1))) struct AssertedUserTests {
    @Test("I05, ID-JAG: the user is the one who logs in by the same provider, by issuer and subject")
    func sameUser() async throws {
        let setting = try await AssertionSetting(withLogin: true)
        let client = try await setting.fixture.registerClient()
        let browser = TestBrowser(setting.fixture)
        let page = await browser.follow(await browser.get(setting.fixture.authorizeTarget(client)))
        let departure = await browser.post("/login/corp", page.form(decision: "allow"))
        let arrival = await browser.get(try setting.standIn.signIn(try #require(departure.location)))
        #expect(arrival.locationParameters["code"] != nil, "\(arrival.status) \(arrival.text)")
        let user = try #require(try await setting.fixture.store.users().first)
        let answer = await setting.exchange(setting.standIn.assertion())
        #expect(try AssertionSetting.claims(answer)["sub"]?.string == user.id.value)
        let other = await setting.exchange(setting.standIn.assertion(claims: ["sub": "sub-mallory"]))
        #expect(try AssertionSetting.claims(other)["sub"]?.string != user.id.value, "the same e-mail is nobody's name")
        #expect(try await setting.fixture.store.users().count == 2)
        await setting.stop()
    }

    @Test("I05, ID-JAG: the allow-list is asked about what this assertion says; an e-mail counts when it is verified")
    func allowList() async throws {
        let list = AllowList(keys: [AccessKey(.user, "alice@corp.test"), AccessKey(.group, "ops")])
        let setting = try await AssertionSetting(allow: list)
        for claims in [
            ["email_verified": nil], ["email_verified": "true"], ["email_verified": false], ["email": nil],
            ["email": "mallory@corp.test"], ["email": "alice@corp.test@evil.test"], ["groups": ["ops2"], "email": nil],
        ] as [[String: JSONValue?]] {
            #expect(try await setting.refusal(claims) == "invalid_grant", "\(claims)")
        }
        #expect(try await setting.fixture.store.users().isEmpty)
        #expect(try await setting.refusal(["groups": ["ops"], "email": nil]) == nil)
        #expect(try await setting.refusal(["email": nil]) == "invalid_grant", "what was said before does not count")
        #expect(try await setting.refusal() == nil)
        let nobody = try await AssertionSetting(allow: AllowList(), sharing: setting)
        #expect(try await nobody.refusal() == "invalid_grant")
        await setting.stop()
    }

    @Test("ID-JAG: an account without a verified e-mail has none")
    func unverified() async throws {
        let setting = try await AssertionSetting()
        let answer = await setting.exchange(setting.standIn.assertion(claims: ["email_verified": nil]))
        #expect(try AssertionSetting.claims(answer)["email"] == nil)
        #expect(try await setting.fixture.store.users().first?.email == nil)
        await setting.stop()
    }

    @Test("ID-JAG: what an assertion does not mention stays as the provider said last; what it says replaces it")
    func completed() async throws {
        let setting = try await AssertionSetting()
        let rich = ["groups": ["ops"], "preferred_username": "Alice"] as [String: JSONValue?]
        #expect(try await setting.refusal(rich) == nil)
        let poor = ["email": nil, "email_verified": nil] as [String: JSONValue?]
        let answer = await setting.exchange(setting.standIn.assertion(claims: poor))
        let claims = try AssertionSetting.claims(answer)
        #expect(claims["groups"]?.elements.compactMap(\.string) == ["ops"])
        #expect(claims["email"]?.string == "alice@corp.test")
        #expect(try await setting.fixture.store.users().first?.displayName == "Alice")
        #expect(try await setting.refusal(["groups": []]) == nil)
        #expect(try await setting.fixture.store.users().first?.groups == [])
        await setting.stop()
    }

    @Test("U07, ID-JAG: a disabled user gets nothing")
    func disabled() async throws {
        let setting = try await AssertionSetting()
        let first = await setting.exchange(setting.standIn.assertion())
        let token = try #require(try first.member("access_token"))
        let user = try #require(try await setting.fixture.store.users().first)
        _ = try await setting.fixture.store.change(user.id, .disable, at: setting.clock.now)
        try await setting.fixture.service.prepare()
        #expect(await !setting.fixture.accepts(token))
        #expect(try await setting.refusal() == "invalid_grant")
        await setting.stop()
    }

    @Test("I08, ID-JAG: who came by an issuer that is not configured any more loses everything at the next start")
    func disowned() async throws {
        let setting = try await AssertionSetting()
        let token = try #require(try await setting.exchange(setting.standIn.assertion()).member("access_token"))
        try await setting.fixture.service.reviewIdentities()
        #expect(await setting.fixture.accepts(token), "its allow-list still admits the user")
        let next = try await Fixture(sharing: setting.fixture)
        try await next.service.reviewIdentities()
        #expect(await !next.accepts(token))
        await setting.stop()
    }

    @Test(
        "A13, ID-JAG: the token is for one resource that the assertion names, and the request may only pick one of them"
    )
    func resources() async throws {
        let setting = try await AssertionSetting()
        let (a, b) = (AssertionSetting.a, AssertionSetting.b)
        func audience(_ claim: JSONValue, _ form: [(String, String)] = []) async throws -> String? {
            let answer = await setting.exchange(setting.standIn.assertion(claims: ["resource": claim]), adding: form)
            guard answer.status == 200 else { return try answer.member("error") }
            return try AssertionSetting.claims(answer)["aud"]?.string
        }
        #expect(try await audience(.string(a), [("resource", a)]) == a)
        #expect(try await audience(.string(a), [("resource", b)]) == "invalid_target")
        #expect(try await audience(.string(a), [("resource", a), ("resource", b)]) == "invalid_target")
        #expect(try await audience(.string(a), [("resource", a), ("resource", a)]) == "invalid_target")
        #expect(try await audience(.string(a), [("resource", "https://evil.test/mcp")]) == "invalid_target")
        #expect(try await audience("https://evil.test/mcp") == "invalid_target")
        #expect(try await audience("/a/mcp") == "invalid_target")
        #expect(try await audience([.string(a), .string(b)]) == "invalid_target", "which one?")
        #expect(try await audience([.string(a), .string(b)], [("resource", b)]) == b)
        #expect(try await audience(["https://evil.test/mcp", .string(b)]) == b, "what is not ours is passed over")
        let bounded = try await AssertionSetting(resources: ["/b/mcp"], sharing: setting)
        #expect(try await bounded.refusal() == "invalid_target", "not for this client")
        #expect(try await bounded.refusal(["resource": [.string(a), .string(b)]]) == nil)
        await setting.stop()
    }

    @Test("A13, ID-JAG: the scope is what assertion, client, resource and request all allow")
    func scopes() async throws {
        let setting = try await AssertionSetting()
        func scope(_ claim: String?, _ form: String? = nil, _ setting: AssertionSetting) async throws -> String? {
            let assertion = setting.standIn.assertion(claims: ["scope": claim.map { .string($0) }])
            let answer = await setting.exchange(assertion, adding: form.map { [("scope", $0)] } ?? [])
            guard answer.status == 200 else { return try answer.member("error") }
            let granted = try AssertionSetting.claims(answer)["scope"]?.string
            #expect(try answer.member("scope") == granted)
            return granted
        }
        #expect(try await scope(nil, nil, setting) == "a:read a:write")
        #expect(try await scope("a:read", nil, setting) == "a:read")
        #expect(try await scope("a:read b:read other", nil, setting) == "a:read")
        #expect(try await scope("other", nil, setting) == "invalid_scope")
        #expect(try await scope("a:read a:write", "a:write", setting) == "a:write")
        #expect(try await scope("a:read", "a:write", setting) == "invalid_scope")
        #expect(try await scope("a:read", "a:read a:write", setting) == "invalid_scope")
        #expect(try await scope(nil, "b:read", setting) == "invalid_scope")
        #expect(try await scope("a:read", "a:read offline_access", setting) == "a:read")
        #expect(try await scope("other", "offline_access", setting) == "invalid_scope")
        let bounded = try await AssertionSetting(scope: "a:read", sharing: setting)
        #expect(try await scope(nil, nil, bounded) == "a:read")
        #expect(try await scope("a:read a:write", "a:write", bounded) == "invalid_scope")
        await setting.stop()
    }

    @Test("T08, ID-JAG: its token is revoked by its client and by its user's account, and the next assertion works")
    func revoked() async throws {
        let setting = try await AssertionSetting()
        let first = try #require(try await setting.exchange(setting.standIn.assertion()).member("access_token"))
        let second = try #require(try await setting.exchange(setting.standIn.assertion()).member("access_token"))
        let answer = await setting.fixture.send(
            .post, "/revoke", form: [("token", first), ("client_id", "agent"), ("client_secret", "robot's secret")])
        #expect(answer.status == 200)
        #expect(await !setting.fixture.accepts(first))
        #expect(await setting.fixture.accepts(second))
        let user = try #require(try await setting.fixture.store.users().first)
        let grants = try await setting.fixture.store.grants(of: user.id, at: setting.clock.now)
        #expect(grants.count == 1 && grants.first?.client == ClientID("agent"))
        #expect(try await setting.refusal() == nil)
        await setting.stop()
    }

    @Test("a7, ID-JAG: a client that describes itself is the one that the assertion names by its address")
    func publishedClient() async throws {
        let web = PublishedDocuments()
        let key = try PrivateKey.generate(.es256)
        let keys = String(decoding: JSONWebKeySet(keys: [JSONWebKey(try key.publicKey())]).json(), as: UTF8.self)
        web.publish(
            ClientDocumentTests.document([
                "token_endpoint_auth_method": "\"private_key_jwt\"", "jwks": keys,
                "grant_types": "[\"\(AssertionSetting.grant)\"]",
            ]), at: ClientDocumentTests.address)
        let setting = try await AssertionSetting(clients: [ClientDocumentTests.address], documents: web)
        let client = AssertingClient(id: ClientDocumentTests.address, key: key)
        func exchange(_ named: String) async throws -> Answer {
            await setting.fixture.send(
                .post, "/token",
                form: [
                    ("grant_type", AssertionSetting.grant), ("assertion", setting.standIn.assertion(to: named)),
                    ("client_assertion_type", ClientAssertion.type),
                    ("client_assertion", try client.assertion(id: UUID().uuidString, at: setting.clock.now)),
                ])
        }
        let answer = try await exchange(client.id)
        #expect(try AssertionSetting.claims(answer)["client_id"]?.string == client.id)
        #expect(try await exchange(client.id + "x").member("error") == "invalid_grant")
        await setting.stop()
    }

    @Test("ID-JAG: keys at a place that the operator named need no discovery")
    func namedKeys() async throws {
        let setting = try await AssertionSetting()
        let client = try ClientCredentialsTests.client("agent", grantTypes: AssertionSetting.grant)
        let provider = try setting.standIn.asserting(keySetURI: setting.standIn.issuer + "/jwks")
        let fixture = try await Fixture(
            clock: setting.clock,
            providers: ProviderDirectory(
                providers: [], assertingProviders: [provider], hasLocalAccounts: true, sealing: SharedKeys.sealing)
        ) {
            $0.clients = [client]
            $0.grants.acceptsIdentityAssertions = true
        }
        let answer = await fixture.send(
            .post, "/token",
            form: [
                ("grant_type", AssertionSetting.grant), ("assertion", setting.standIn.assertion()),
                ("client_id", "agent"), ("client_secret", "robot's secret"),
            ])
        #expect(answer.status == 200, "\(answer.text)")
        #expect(setting.standIn.log == ["GET /jwks"])
        await setting.stop()
    }

    @Test("ID-JAG: a client with private_key_jwt, and a token that ends with its grant")
    func signingClient() async throws {
        let setting = try await AssertionSetting(clients: nil)
        let client = try await AssertingClient.register(
            setting.fixture, grants: ["authorization_code", AssertionSetting.grant])
        let answer = await setting.fixture.send(
            .post, "/token",
            form: [
                ("grant_type", AssertionSetting.grant), ("assertion", setting.standIn.assertion(to: client.id)),
                ("client_assertion_type", ClientAssertion.type),
                ("client_assertion", try client.assertion(id: "one", at: setting.clock.now)),
            ])
        #expect(answer.status == 200, "\(answer.text)")
        let token = try #require(try answer.member("access_token"))
        setting.clock.advance(by: .seconds(15 * 60))
        #expect(await !setting.fixture.accepts(token))
        await setting.stop()
    }
}
