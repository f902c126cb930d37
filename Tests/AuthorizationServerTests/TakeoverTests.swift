import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Storage
import Telemetry
import Testing

/// What stands between a stranger and somebody's account (U06). Administration has no endpoint: it is a command that opens the
/// store, and whoever can do that needs no door.
@Suite struct TakeoverTests {
    private static let password = "correct horse battery"

    private func post(
        _ browser: TestBrowser, _ fixture: Fixture, _ form: [String: String], changing fields: [String: String]
    ) async -> Int {
        await browser.post("/account", form.merging(fields) { $1 }).status
    }

    /// Every form of the account page that changes something, as its owner would send it.
    private static let changes: [[String: String]] = [
        ["change": "grant", "id": "x"], ["change": "key", "id": "x"], ["change": "session", "id": "x"],
        ["change": "other-sessions"],
        [
            "change": "password", "present": password, "password": "another password here",
            "repeated": "another password here",
        ],
    ]

    @Test("U06: a new store has no account that anybody could guess, only a link that works once")
    func noDefault() async throws {
        let fixture = try await Fixture()
        #expect(try await fixture.users.list().isEmpty)
        _ = try await fixture.users.prepareFirstUser(lifetime: .seconds(60))
        let first = try #require(try await fixture.users.list().first)
        #expect(first.isAdministrator && first.passwordHash == nil)
        let browser = TestBrowser(fixture)
        for guess in ["", "admin", "password", "sallyport", "changeme"] {
            var form = await browser.get("/login").form()
            form["username"] = "admin"
            form["password"] = guess
            #expect([401, 429].contains(await browser.post("/login", form).status), "\(guess)")
            fixture.clock.advance(by: .seconds(61))
        }
    }

    @Test(
        "U06: no change is made without a session, from another site, under another name, or with another user's form")
    func matrix() async throws {
        let fixture = try await Fixture()
        let alice = try await fixture.addUser()
        try await fixture.users.setPassword(of: "alice", to: Self.password)
        let mallory = try await fixture.addUser("mallory")
        let (owner, other, stranger) = (TestBrowser(fixture), TestBrowser(fixture), TestBrowser(fixture))
        try await fixture.signIn(owner, as: alice)
        try await fixture.signIn(other, as: mallory)
        let form = await owner.get("/account").form()
        let token = try #require(form["form_token"])
        let malloryToken = try #require(await other.get("/account").form()["form_token"])
        for change in Self.changes {
            // Loopback is an address like any other.
            #expect([303, 403].contains(await post(stranger, fixture, change, changing: ["form_token": token])))
            #expect(await post(other, fixture, change, changing: ["form_token": token]) == 403, "\(change)")
            #expect(await post(owner, fixture, change, changing: ["form_token": malloryToken]) == 403)
            #expect(await post(owner, fixture, change, changing: [:]) == 403)
            let full = change.merging(["form_token": token]) { $1 }
            for site in ["https://evil.test", "null", "http://localhost:9"] {
                #expect(await owner.post("/account", full, from: site).status == 403, "\(site)")
            }
            // DNS rebinding: the browser would send no cookie of ours, but let it.
            let cookies = owner.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
            let rebound = await fixture.send(
                .post, "/account", fields: [("Cookie", cookies), ("Origin", "http://evil.test:8080")],
                form: full.map { ($0.key, $0.value) }, origin: "http://evil.test:8080")
            #expect(rebound.status == 421)
        }
        for path in ["/account", "/login", "/consent", "/setup", "/logout", "/device"] {
            #expect(await fixture.send(.get, path, origin: "http://evil.test:8080").status == 421, "\(path)")
        }
        for path in ["/admin", "/admin/users", "/api", "/users", "/servers", "/config", "/keys"] {
            for method in [HTTPMethod.get, .post, .put, .delete] {
                #expect(await fixture.send(method, path).status == 404, "\(method) \(path)")
            }
        }
        let user = try #require(try await fixture.store.user(alice.id))
        #expect(PasswordHash.verify(Array(Self.password.utf8), try #require(user.passwordHash)))
        #expect(await owner.get("/account").status == 200, "the session goes on")
    }

    @Test(
        "U06: ten wrong passwords slow the account down, and hold up neither its sessions nor what is changed in them")
    func knownSessions() async throws {
        let fixture = try await Fixture()
        let alice = try await fixture.addUser()
        try await fixture.users.setPassword(of: "alice", to: Self.password)
        let owner = TestBrowser(fixture)
        try await fixture.signIn(owner, as: alice)
        let stranger = TestBrowser(fixture)
        var login = await stranger.get("/login").form()
        login["username"] = "alice"
        var refused = 0
        for guess in 0..<10 {
            login["password"] = "guess number \(guess)"
            if await stranger.post("/login", login).status == 429 { refused += 1 }
        }
        #expect(refused >= 3)
        login["password"] = Self.password
        #expect(await stranger.post("/login", login).status == 429, "the right one waits as well")
        #expect(await owner.get("/account").status == 200)
        var change = try #require(Self.changes.last)
        change["form_token"] = await owner.get("/account").form()["form_token"]
        #expect(await owner.post("/account", change).location == "/account?done=password")
        // Who guesses in a session that somebody left open is slowed down by its own count.
        change["form_token"] = await owner.get("/account").form()["form_token"]
        var statuses: [Int] = []
        for guess in 0..<10 {
            change["present"] = "guess number \(guess)"
            statuses.append(await owner.post("/account", change).status)
        }
        #expect(
            statuses.prefix(5).allSatisfy { $0 == 403 } && statuses.suffix(3).allSatisfy { $0 == 429 }, "\(statuses)")
        fixture.clock.advance(by: .seconds(61))
        change["present"] = "another password here"
        change["password"] = "and yet another one"
        change["repeated"] = "and yet another one"
        #expect(await owner.post("/account", change).status == 303)
    }
}
