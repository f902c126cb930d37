import AsyncIO
import AuthorizationServer
import Foundation
import HTTP
import OAuth
import Storage
import Testing

/// Login by the header of a proxy.
@Suite struct TrustedProxyTests {
    private static func login(allow: AllowList = AllowList(admitsEverybody: true)) throws -> TrustedProxyLogin {
        TrustedProxyLogin(
            id: "sso", title: "Proxy", userField: "X-Forwarded-User", emailField: "X-Forwarded-Email",
            groupsField: "X-Forwarded-Groups", networks: [try #require(CIDR("10.0.0.0/24"))], allowList: allow)
    }

    private static func fixture(_ login: TrustedProxyLogin, withLocalAccounts: Bool = false) async throws -> Fixture {
        try await Fixture(
            providers: ProviderDirectory(
                providers: [], proxyLogins: [login], hasLocalAccounts: withLocalAccounts, sealing: nil))
    }

    /// A request for the login page through the proxy, or from elsewhere.
    private static func visit(
        _ fixture: Fixture, from address: String = "10.0.0.7", _ fields: [(String, String)]
    ) async -> Answer {
        await fixture.send(.get, "/login", fields: fields, from: address)
    }

    @Test("the header counts from the named network and from nowhere else")
    func network() async throws {
        let fixture = try await Self.fixture(Self.login())
        for address in ["127.0.0.1", "10.0.1.7", "::1", "192.0.2.1"] {
            let answer = await Self.visit(fixture, from: address, [("X-Forwarded-User", "alice")])
            #expect(answer.status == 403 && answer.header("set-cookie") == nil, "\(address)")
        }
        let answer = await Self.visit(
            fixture,
            [
                ("X-Forwarded-User", "alice"), ("X-Forwarded-Email", "Alice@Corp.Test"),
                ("X-Forwarded-Groups", "ops, staff"),
            ])
        #expect(answer.status == 303)
        #expect(answer.headers("set-cookie").contains { $0.hasPrefix("sallyport-session=") })
        let user = try #require(try await fixture.store.users().first)
        #expect(user.name == "sso:alice" && user.email == "alice@corp.test" && user.groups == ["ops", "staff"])
    }

    @Test(
        "a header that is not there exactly once, or odd, is none",
        arguments: [
            [], [("X-Forwarded-User", "")], [("X-Forwarded-User", "a"), ("X-Forwarded-User", "b")],
            [("X-Forwarded-User", String(repeating: "a", count: 256))], [("X-Forwarded-User", "a\u{7F}b")],
            [("X-User", "alice")],
        ])
    func oddHeader(_ fields: [(String, String)]) async throws {
        let fixture = try await Self.fixture(Self.login())
        let answer = await Self.visit(fixture, fields)
        #expect(answer.status == 403)
        #expect(try await fixture.store.users().isEmpty)
    }

    @Test("who is not on the list stays out; groups count")
    func allowList() async throws {
        let fixture = try await Self.fixture(
            Self.login(allow: AllowList(keys: [AccessKey(.user, "alice"), AccessKey(.group, "staff")])))
        for (user, groups, status) in [
            ("alice", "x", 303), ("Alice", "x", 403), ("bob", "staff", 303), ("bob", "Staff", 403), ("staff", "", 403),
        ] {
            let answer = await Self.visit(
                fixture, [("X-Forwarded-User", user), ("X-Forwarded-Groups", groups)])
            #expect(answer.status == status, "\(user) \(groups)")
        }
    }

    @Test("beside other ways it is a button, and the consent page asks as ever")
    func button() async throws {
        let fixture = try await Self.fixture(Self.login(), withLocalAccounts: true)
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        let header = [("X-Forwarded-User", "alice")]
        func send(_ method: HTTPMethod, _ target: String, _ form: [(String, String)]? = nil) async -> Answer {
            browser.keep(
                await fixture.send(method, target, fields: browser.cookieField + header, form: form, from: "10.0.0.7"))
        }
        let start = await send(.get, fixture.authorizeTarget(client))
        let page = await send(.get, try #require(start.location))
        #expect(page.status == 200 && page.text.contains("as alice (Proxy)"))
        let form = page.form(decision: "allow").map { ($0.key, $0.value) }
        let foreign = await fixture.send(
            .post, "/login/sso", fields: browser.cookieField + header, form: form, from: "10.0.9.7")
        #expect(foreign.status == 403, "the header was not the proxy's")
        let entered = await send(.post, "/login/sso", form)
        #expect(entered.status == 303 && entered.location?.hasPrefix("/consent?") == true)
        let consent = await send(.get, try #require(entered.location))
        #expect(consent.status == 200 && consent.text.contains("Signed in as"))
    }
}
