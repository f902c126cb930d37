import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Testing

/// An authorization server with one or two stand-ins as identity providers, a client and a browser.
struct ProviderSetting {
    let clock: ManualClock
    let standIns: [ProviderStandIn]
    let fixture: Fixture
    let client: Fixture.TestClient
    let browser: TestBrowser

    var standIn: ProviderStandIn { standIns[0] }

    init(
        providers count: Int = 1, allow: AllowList = AllowList(admitsEverybody: true), withLocalAccounts: Bool = false,
        sharing other: ProviderSetting? = nil, claims: OpenIDClaims? = nil
    ) async throws {
        clock = other?.clock ?? ManualClock()
        var standIns = other?.standIns ?? []
        while standIns.count < count { standIns.append(try await ProviderStandIn(clock: clock)) }
        self.standIns = standIns
        let providers = try standIns.enumerated().map { index, standIn in
            try standIn.provider(index == 0 ? "corp" : "corp\(index + 1)", allow: allow, claims: claims)
        }
        fixture = try await Fixture(
            sharing: other?.fixture, clock: clock,
            providers: ProviderDirectory(
                providers: providers, hasLocalAccounts: withLocalAccounts, sealing: SharedKeys.sealing))
        if let other { client = other.client } else { client = try await fixture.registerClient() }
        browser = TestBrowser(fixture)
    }

    /// The page that asks and offers providers.
    func choices(_ browser: TestBrowser? = nil, changing: [String: String?] = [:]) async -> Answer {
        let browser = browser ?? self.browser
        return await browser.follow(await browser.get(fixture.authorizeTarget(client, changing: changing)))
    }

    /// Allows and goes to the provider; returns where the browser was sent.
    func depart(_ browser: TestBrowser? = nil, to id: String = "corp") async throws -> String {
        let browser = browser ?? self.browser
        let answer = await browser.post("/login/\(id)", await choices(browser).form(decision: "allow"))
        try #require(answer.status == 303, "\(answer.status) \(answer.text)")
        return try #require(answer.location)
    }

    /// From nothing to what the callback answered.
    func arrive(_ browser: TestBrowser? = nil) async throws -> Answer {
        await (browser ?? self.browser).get(try standIn.signIn(try await depart(browser)))
    }

    /// A grant by way of the provider, in a browser that is not signed in.
    func tokens(_ browser: TestBrowser? = nil) async throws -> (access: String, refresh: String) {
        let answer = try await arrive(browser)
        let code = try #require(answer.locationParameters["code"], "\(answer.status) \(answer.text)")
        let tokens = await fixture.redeem(code, client)
        try #require(tokens.status == 200, "\(tokens.text)")
        return (try #require(try tokens.member("access_token")), try #require(try tokens.member("refresh_token")))
    }

    /// Lets time pass, and the process read what it reads twice a second.
    func pass(_ duration: Duration) async throws {
        clock.advance(by: duration)
        try await fixture.service.prepare()
    }

    /// Whether a bearer check accepts the token, with revocations read just now.
    func accepts(_ token: String) async throws -> Bool {
        try await fixture.service.prepare()
        return await fixture.accepts(token)
    }

    /// A browser that nobody has used.
    var freshBrowser: TestBrowser { TestBrowser(fixture) }

    /// The accounts of identities.
    func accounts() async throws -> [UserRecord] { try await fixture.store.users() }

    func stop() async { for standIn in standIns { await standIn.stop() } }
}
