import AuthorizationServer
import HTTP
import OAuth
import Storage
import Telemetry
import Testing

/// What Prometheus is told of tokens and logins.
@Suite("Metrics of tokens and logins") struct AuthorizationMetricsTests {
    private static func number(_ name: String, _ fixture: Fixture) -> Int? {
        String(decoding: fixture.metrics.prometheusText(), as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Int($0) }
    }

    @Test("tokens are counted by grant type, refusals by error, and grants that end, whoever ends them")
    func tokens() async throws {
        let fixture = try await Fixture()
        func issued(_ type: String) -> Int? {
            Self.number(#"sallyport_tokens_issued_total{grant_type="\#(type)"}"#, fixture)
        }
        func refused(_ error: String) -> Int? {
            Self.number(#"sallyport_token_requests_refused_total{error="\#(error)"}"#, fixture)
        }
        for type in ["authorization_code", "refresh_token", "client_credentials", "device_code", "jwt_bearer"] {
            #expect(issued(type) == 0, "there from the start on")
        }
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(client, user: user)
        #expect(issued("authorization_code") == 1 && issued("refresh_token") == 0)
        let next = await fixture.refresh(tokens.refresh, client)
        #expect(next.status == 200 && issued("refresh_token") == 1)
        #expect(await fixture.refresh("nonsense", client).status == 400)
        #expect(await fixture.send(.post, "/token", form: [("grant_type", "x")]).status >= 400)
        #expect(refused("invalid_grant") == 1 && refused("other") == 0)
        let revoked = { Self.number("sallyport_grants_revoked_total", fixture) }
        #expect(revoked() == 0)
        let answer = await fixture.send(.post, "/revoke", form: [("token", tokens.access), ("client_id", client.id)])
        #expect(answer.status == 200 && revoked() == 1)
        // By another process on the same store: the feed tells of it, and of ours once more.
        let other = try await fixture.tokens(client, user: user)
        _ = other
        try await fixture.users.disable("alice")
        try await fixture.service.revocations.read(
            fixture.store, at: fixture.clock.now, forgetBefore: Timestamp(millisecondsSinceEpoch: 0))
        #expect(revoked() == 2)
    }

    @Test("S03: what had ended before the start is no news")
    func history() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        _ = try await fixture.tokens(client, user: try await fixture.addUser())
        try await fixture.users.disable("alice")
        let later = try await Fixture(sharing: fixture)
        #expect(Self.number("sallyport_grants_revoked_total", later) == 0)
    }

    @Test("U06: logins are counted by outcome, and those that are not looked at as what keeps them")
    func logins() async throws {
        let fixture = try await Fixture { $0.registration.perMinute = 1 }
        func logins(_ outcome: String) -> Int? {
            Self.number(#"sallyport_logins_total{way="password",outcome="\#(outcome)"}"#, fixture)
        }
        func limit(_ name: String) -> Int? {
            Self.number(#"sallyport_limits_reached_total{limit="\#(name)"}"#, fixture)
        }
        _ = try await fixture.users.add(name: "alice", password: LoginTests.password)
        let browser = TestBrowser(fixture)
        func logIn(_ password: String) async throws -> Int {
            var form = await browser.get("/login").form()
            form["username"] = "alice"
            form["password"] = password
            return await browser.post("/login", form).status
        }
        for _ in 0..<6 { #expect(try await logIn("wrong") == 401) }
        #expect(logins("failed") == 6 && logins("delayed") == 0)
        #expect(try await logIn(LoginTests.password) == 429)
        #expect(logins("delayed") == 1 && limit("login_delay") == 1)
        fixture.clock.advance(by: .seconds(61))
        #expect(try await logIn(LoginTests.password) == 303)
        #expect(logins("success") == 1)
        _ = try await fixture.registerClient()
        let second = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: #"{"redirect_uris":["http://127.0.0.1:7777/callback"]}"#)
        #expect(second.status == 429 && limit("registrations") == 1)
    }

    @Test("logins by a provider are their own way")
    func provider() async throws {
        let setting = try await ProviderSetting()
        func logins(_ way: String) -> Int? {
            Self.number(#"sallyport_logins_total{way="\#(way)",outcome="success"}"#, setting.fixture)
        }
        #expect(logins("provider") == 0)
        let answer = await setting.browser.get(try setting.standIn.signIn(try await setting.depart()))
        #expect(answer.locationParameters["code"] != nil)
        #expect(logins("provider") == 1 && logins("password") == 0)
        await setting.stop()
    }
}
