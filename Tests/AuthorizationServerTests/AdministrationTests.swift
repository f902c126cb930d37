import AuthorizationServer
import Foundation
import HTTP
import OAuth
import Storage
import Telemetry
import Testing

/// Sessions and grants in the hands of an administrator.
@Suite struct AdministrationTests {
    private func sessions(_ fixture: Fixture) -> SessionAdministration {
        SessionAdministration(
            store: fixture.store, lifetime: SessionLifetime(), clock: fixture.clock.wallClock, audit: fixture.audit)
    }

    private func grants(_ fixture: Fixture) -> GrantAdministration {
        GrantAdministration(
            store: fixture.store, configured: [], clock: fixture.clock.wallClock, audit: fixture.audit)
    }

    @Test("U07: an administrator sees sessions without their cookies, and ends them one by one or by user")
    func sessionList() async throws {
        let fixture = try await Fixture()
        let alice = try await fixture.addUser("alice")
        let bob = try await fixture.addUser("bob")
        let browsers = [TestBrowser(fixture), TestBrowser(fixture), TestBrowser(fixture)]
        for (browser, user) in zip(browsers, [alice, alice, bob]) { try await fixture.signIn(browser, as: user) }
        let all = try await sessions(fixture).list(of: nil)
        #expect(Set(all.map(\.userName)) == ["alice", "bob"] && all.count == 3)
        for entry in all {
            #expect(
                entry.id.utf8.count == 16 && !browsers.contains { $0.cookies.values.contains { $0.contains(entry.id) } }
            )
        }
        let one = try #require(try await sessions(fixture).list(of: "alice").first)
        try await sessions(fixture).end(String(one.id.prefix(8)))
        #expect(try await sessions(fixture).list(of: "alice").count == 1)
        #expect(try await sessions(fixture).endAll(of: "alice") == 1)
        #expect(try await sessions(fixture).list(of: nil).map(\.userName) == ["bob"])
        let page = await browsers[0].get("/login")
        #expect(!page.text.contains("alice"), "the browser is signed out")
        #expect(fixture.audit.actions.filter { $0 == .signedOut }.count == 2)
    }

    @Test("a session is named exactly, and users that are not there are refused")
    func refusals() async throws {
        let fixture = try await Fixture()
        let user = try await fixture.addUser()
        try await fixture.signIn(TestBrowser(fixture), as: user)
        let id = try #require(try await sessions(fixture).list(of: nil).first?.id)
        for wrong in ["", String(id.prefix(3)), "zzzz", id + "0"] {
            await #expect(throws: SessionAdministration.Refusal.unknownSession(wrong)) {
                try await sessions(fixture).end(wrong)
            }
        }
        await #expect(throws: SessionAdministration.Refusal.unknownUser("nobody")) {
            _ = try await sessions(fixture).endAll(of: "nobody")
        }
        await #expect(throws: GrantAdministration.Refusal.unknownUser("nobody")) {
            _ = try await grants(fixture).revokeAll(of: "nobody", to: nil)
        }
        await #expect(throws: GrantAdministration.Refusal.unknownGrant("grant_x")) {
            try await grants(fixture).revoke("grant_x")
        }
        #expect(try await sessions(fixture).list(of: nil).count == 1)
    }

    @Test("T08, U07: an administrator sees grants with their clients, and what is revoked is dead")
    func grantList() async throws {
        let fixture = try await Fixture()
        let users = [try await fixture.addUser("alice"), try await fixture.addUser("bob")]
        let client = try await fixture.registerClient(name: "My Agent\\u202e")
        let other = try await fixture.registerClient(name: "Other")
        let first = try await fixture.tokens(client, user: users[0])
        let second = try await fixture.tokens(other, user: users[0])
        let third = try await fixture.tokens(client, user: users[1])
        let all = try await grants(fixture).list(of: nil, to: nil, limit: 10)
        #expect(all.map(\.userName) == ["bob", "alice", "alice"])
        #expect(all.map(\.clientName) == ["My Agent", "Other", "My Agent"])
        #expect(try await grants(fixture).list(of: "alice", to: other.id, limit: 10).count == 1)
        try await grants(fixture).revoke(try #require(all.last).grant.id.value)
        try await fixture.service.prepare()
        #expect(await !fixture.accepts(first.access))
        #expect(await fixture.accepts(second.access))
        await #expect(throws: GrantAdministration.Refusal.self, "once") {
            try await grants(fixture).revoke(try #require(all.last).grant.id.value)
        }
        #expect(try await grants(fixture).revokeAll(of: nil, to: client.id) == 1)
        try await fixture.service.prepare()
        #expect(await !fixture.accepts(third.access))
        #expect(await fixture.accepts(second.access))
        #expect(try await fixture.refresh(third.refresh, client).member("error") == "invalid_grant")
        #expect(try await grants(fixture).revokeAll(of: nil, to: nil) == 1)
        #expect(fixture.audit.actions.filter { $0 == .tokenRevoked }.count == 3)
    }

    @Test("groups and role of an account are what the next token says, and an e-mail can be taken away")
    func profile() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser("alice")
        let tokens = try await fixture.tokens(client, user: user)
        let changed = try await fixture.users.setProfile(
            of: "alice", email: "a@b.test", groups: ["x"], isAdministrator: nil)
        #expect(changed.email == "a@b.test" && changed.groups == ["x"] && !changed.isAdministrator)
        let refreshed = try #require(try await fixture.refresh(tokens.refresh, client).member("access_token"))
        let payload = try #require(refreshed.split(separator: ".").dropFirst().first)
        let claims = String(decoding: try #require(Data(base64URL: String(payload))), as: UTF8.self)
        #expect(claims.contains(#""groups":["x"]"#) && claims.contains("a@b.test"))
        let again = try await fixture.users.setProfile(of: "alice", email: "", groups: nil, isAdministrator: true)
        #expect(again.email == nil && again.groups == ["x"] && again.isAdministrator)
        await #expect(throws: UserAdministration.Refusal.unknownUser("bob")) {
            _ = try await fixture.users.setProfile(of: "bob", email: nil, groups: [], isAdministrator: nil)
        }
    }

    @Test("purging removes what a dry run counted, and nothing that lives")
    func purge() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        _ = try await fixture.registerClient(name: "Never used")
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(client, user: user)
        let maintenance = StoreMaintenance(store: fixture.store, configuration: AuthorizationServerConfiguration())
        fixture.clock.advance(by: .seconds(2 * 86_400))
        let counted = try await maintenance.leftovers(at: fixture.clock.now)
        #expect(counted.clients == 1 && counted.rows > 0)
        #expect(try await maintenance.purge(at: fixture.clock.now) == counted)
        #expect(try await maintenance.leftovers(at: fixture.clock.now) == StoreLeftovers(rows: 0, clients: 0))
        #expect(await fixture.refresh(tokens.refresh, client).status == 200)
    }
}

extension Data {
    /// base64url without padding.
    fileprivate init?(base64URL text: String) {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        self.init(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
    }
}
