import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Storage
import Telemetry
import Testing

/// `/account`: what a user sees of themselves, and can take back.
@Suite struct AccountTests {
    private struct Setting {
        let fixture: Fixture
        let client: Fixture.TestClient
        let user: UserRecord
        let browser: TestBrowser

        init(name: String = "My Agent") async throws {
            fixture = try await Fixture()
            client = try await fixture.registerClient(name: name)
            user = try await fixture.addUser()
            browser = TestBrowser(fixture)
            try await fixture.signIn(browser, as: user)
        }

        func page() async -> Answer { await browser.get("/account") }

        /// The fields of the page's form that makes this change, for this entry when there are several.
        func form(_ change: String, id: String? = nil) async -> [String: String] {
            let text = await page().text
            for part in text.components(separatedBy: "<form").dropFirst() {
                let form = Answer(
                    response: HTTPResponse(status: .ok, body: .bytes(Array(("<form" + part).utf8)))
                ).form()
                if form["change"] == change, id == nil || form["id"] == id { return form }
            }
            return [:]
        }

        func addKey(_ name: String, of user: UserRecord) async throws -> APIKeyRecord {
            let administration = APIKeyAdministration(
                store: fixture.store, directory: FixedResources(), clock: fixture.clock.wallClock, audit: fixture.audit)
            return try await administration.create(
                .init(user: user.name, name: name, resources: [], scope: nil, lifetime: .seconds(3600))
            ).key
        }
    }

    @Test("U07: a user sees what was allowed, to whom, for what, since when and until when")
    func shown() async throws {
        let setting = try await Setting()
        _ = try await setting.fixture.tokens(setting.client, user: setting.user)
        _ = try await setting.addKey("laptop", of: setting.user)
        let answer = await setting.page()
        #expect(answer.status == 200)
        let day = String(setting.fixture.clock.now.iso8601.prefix(10))
        for part in [
            "My Agent", "Server A: a:read a:write", "laptop", "sp_key_", "This browser", "last used \(day)", "alice",
        ] {
            #expect(answer.text.contains(part), "\(part)")
        }
        #expect(!answer.text.contains("<script"))
        // Markup of ours that went through the escaping would be read as text.
        #expect(answer.text.contains("<strong>This browser</strong>"))
        #expect(!answer.text.contains("&lt;"))
    }

    @Test("U07: an application is taken back: its tokens are dead at once, and it has to ask again")
    func takeBack() async throws {
        let setting = try await Setting()
        let tokens = try await setting.fixture.tokens(setting.client, user: setting.user)
        #expect(await setting.fixture.accepts(tokens.access))
        let done = await setting.browser.post("/account", await setting.form("grant"))
        #expect(done.status == 303 && done.location == "/account?done=grant")
        #expect(await setting.browser.follow(done).text.contains("has no access any more"))
        #expect(await !setting.fixture.accepts(tokens.access))
        #expect(await setting.fixture.refresh(tokens.refresh, setting.client).status == 400)
        let again = await setting.browser.follow(
            await setting.browser.get(setting.fixture.authorizeTarget(setting.client)))
        #expect(again.status == 200 && again.text.contains("Allow"), "U04: consent is asked again")
        #expect(await setting.form("grant").isEmpty)
        #expect(setting.fixture.audit.actions.contains(.tokenRevoked))
    }

    @Test("U07: nobody ends what belongs to somebody else")
    func others() async throws {
        let setting = try await Setting()
        let bob = try await setting.fixture.addUser("bob")
        let tokens = try await setting.fixture.tokens(setting.client, user: bob)
        let grant = try #require(
            try await setting.fixture.store.grants(of: bob.id, at: setting.fixture.clock.now).first)
        let key = try await setting.addKey("bob's", of: bob)
        let theirs = TestBrowser(setting.fixture)
        try await setting.fixture.signIn(theirs, as: bob)
        let all = try await setting.fixture.store.sessions(
            of: bob.id, lifetime: SessionLifetime(), at: setting.fixture.clock.now)
        _ = try await setting.fixture.tokens(setting.client, user: setting.user)
        let form = await setting.form("grant")
        for (change, id) in [("grant", grant.id.value), ("key", key.id.value), ("session", hex(all[0].id))] {
            var forged = form
            forged["change"] = change
            forged["id"] = id
            #expect(await setting.browser.post("/account", forged).status == 303)
        }
        #expect(await setting.fixture.accepts(tokens.access))
        #expect(try await setting.fixture.store.apiKeys(of: bob.id).first?.revokedAt == nil)
        let left = try await setting.fixture.store.sessions(
            of: bob.id, lifetime: SessionLifetime(), at: setting.fixture.clock.now)
        #expect(left.count == all.count)
    }

    @Test("U02: only a post of our own page changes anything")
    func forgery() async throws {
        let setting = try await Setting()
        let tokens = try await setting.fixture.tokens(setting.client, user: setting.user)
        let form = await setting.form("grant")
        var without = form
        without["form_token"] = nil
        var wrong = form
        wrong["form_token"] = String(repeating: "A", count: 43)
        let link = "/account?" + Fixture.encode(form.map { ($0, $1) })
        for answer in [
            await setting.browser.post("/account", form, from: "https://evil.test"),
            await setting.browser.post("/account", without), await setting.browser.post("/account", wrong),
        ] {
            #expect(answer.status == 403 && answer.location == nil)
        }
        #expect(await setting.browser.get(link).status == 200)
        let other = TestBrowser(setting.fixture)
        try await setting.fixture.signIn(other, as: setting.user)
        let foreign = await other.post("/account", form)
        #expect(foreign.status == 403 && foreign.text.contains("Your account"), "the form of another session")
        #expect(await setting.fixture.accepts(tokens.access))
    }

    @Test("S4-28: a form from before the sign-out gets a page that says so")
    func stale() async throws {
        let setting = try await Setting()
        _ = try await setting.fixture.tokens(setting.client, user: setting.user)
        let form = await setting.form("grant")
        setting.fixture.clock.advance(by: .seconds(1801))
        let answer = await setting.browser.post("/account", form)
        #expect(answer.status == 403 && answer.text.contains("You are signed out") && answer.text.contains("/login"))
        #expect(await setting.page().location == "/login")
    }

    @Test("U05: one browser is signed out, the others, or all of them")
    func sessions() async throws {
        let setting = try await Setting()
        let others = [TestBrowser(setting.fixture), TestBrowser(setting.fixture), TestBrowser(setting.fixture)]
        for other in others { try await setting.fixture.signIn(other, as: setting.user) }
        #expect(await setting.browser.post("/account", await setting.form("session")).status == 303)
        var live = 0
        for other in others where await other.get("/account").status == 200 { live += 1 }
        #expect(live == 2)
        #expect(await setting.browser.post("/account", await setting.form("other-sessions")).status == 303)
        for other in others { #expect(await other.get("/account").location == "/login") }
        #expect(await setting.page().status == 200)
        try await setting.fixture.signIn(others[0], as: setting.user)
        let forms = await setting.page().text.components(separatedBy: "action=\"/logout\"")
        let leave = Answer(
            response: HTTPResponse(status: .ok, body: .bytes(Array(("<form" + (forms.last ?? "")).utf8)))
        )
        .form()
        #expect(leave["everywhere"] == "yes")
        #expect(await setting.browser.post("/logout", leave).status == 200)
        #expect(await others[0].get("/account").location == "/login")
        #expect(await setting.page().location == "/login")
    }

    @Test("U06: a new password needs the present one, signs every other browser out and keeps this one")
    func password() async throws {
        let setting = try await Setting()
        try await setting.fixture.users.setPassword(of: "alice", to: "the first password")
        try await setting.fixture.signIn(setting.browser, as: setting.user)
        let other = TestBrowser(setting.fixture)
        try await setting.fixture.signIn(other, as: setting.user)
        var form = await setting.form("password")
        form["present"] = "not the password"
        form["password"] = "the second password"
        form["repeated"] = "the second password"
        let wrong = await setting.browser.post("/account", form)
        #expect(wrong.status == 403 && wrong.text.contains("present password is wrong"))
        let before = setting.fixture.audit.actions.filter { $0 == .userChanged }.count
        form["present"] = "the first password"
        var short = form
        short["password"] = "short"
        #expect(await setting.browser.post("/account", short).status == 400)
        var different = form
        different["repeated"] = "something else"
        #expect(await setting.browser.post("/account", different).status == 400)
        #expect(await other.get("/account").status == 200)
        let cookie = setting.browser.cookies["sallyport-session"]
        #expect(await setting.browser.post("/account", form).location == "/account?done=password")
        #expect(setting.browser.cookies["sallyport-session"] != cookie, "U05: a new session id")
        #expect(await setting.page().status == 200)
        #expect(await other.get("/account").location == "/login")
        let user = try #require(try await setting.fixture.store.user(setting.user.id))
        #expect(PasswordHash.verify(Array("the second password".utf8), try #require(user.passwordHash)))
        // It is a change, and nobody signed in.
        let actions = setting.fixture.audit.actions
        #expect(actions.filter { $0 == .userChanged }.count == before + 1)
        #expect(!actions.contains(.loginSucceeded) && !actions.contains(.loginFailed))
    }

    @Test("U07: a key is revoked by its owner")
    func keys() async throws {
        let setting = try await Setting()
        let key = try await setting.addKey("ci", of: setting.user)
        #expect(await setting.browser.post("/account", await setting.form("key", id: key.id.value)).status == 303)
        #expect(try await setting.fixture.store.apiKeys(of: setting.user.id).first?.revokedAt != nil)
        #expect(await !setting.page().text.contains("sp_key_"))
    }

    @Test("U01, U03: the page is framed by nobody and shows names as text")
    func page() async throws {
        let setting = try await Setting(name: "<img src=x onerror=alert(1)>")
        _ = try await setting.fixture.tokens(setting.client, user: setting.user)
        let answer = await setting.page()
        #expect(answer.text.contains("&lt;img") && !answer.text.contains("<img"))
        #expect(answer.header("content-security-policy")?.contains("frame-ancestors 'none'") == true)
        #expect(answer.header("x-frame-options") == "DENY" && answer.header("cache-control") == "no-store")
        #expect(answer.header("cross-origin-opener-policy") == "same-origin")
    }

    private func hex(_ digest: SecretDigest) -> String { digest.bytes.map { String(format: "%02x", $0) }.joined() }
}
