import AsyncIO
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import AuthorizationServer

/// The login page, sessions and the setup link. Each hashes real passwords, so they are few.
@Suite struct LoginTests {
    static let password = "correct horse battery"

    private func addUser(_ fixture: Fixture) async throws {
        _ = try await fixture.users.add(name: "alice", password: LoginTests.password)
    }

    private func logIn(_ browser: TestBrowser, _ page: Answer, password: String = LoginTests.password) async -> Answer {
        var form = page.form()
        form["username"] = "alice"
        form["password"] = password
        return await browser.post("/login", form)
    }

    @Test("a login walks from /authorize over login and consent to a code")
    func wholeWay() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        try await addUser(fixture)
        let browser = TestBrowser(fixture)
        let login = await browser.follow(await browser.get(fixture.authorizeTarget(client)))
        #expect(login.text.contains("Test Client"))
        #expect(login.header("content-security-policy")?.contains("form-action 'self' http://127.0.0.1:7777;") == true)
        let consent = await browser.follow(await logIn(browser, login))
        let answer = await browser.post("/consent", consent.form(decision: "allow"))
        let code = try #require(answer.locationParameters["code"])
        #expect(await fixture.redeem(code, client).status == 200)
        #expect(fixture.audit.actions.contains(.loginSucceeded))
        #expect(fixture.audit.actions.contains(.consentGranted))
    }

    private final class Tally: Sendable {
        let compared = Atomic<Int>(0)
        let turnedAway = Atomic<Int>(0)
    }

    @Test("O05: who guesses passwords holds up neither others who log in nor other work that blocks")
    func guessing() async throws {
        let fixture = try await Fixture()
        try await addUser(fixture)
        let service = fixture.service
        @Sendable func attempt(_ name: String, from address: String) async throws -> LocalLogin.Outcome {
            let login = LocalLogin(service: service)
            let (request, _) = RequestFactory.make(
                .post, "/login", fields: [], body: [], origin: "http://localhost:8080", from: address)
            return try await login.attempt(name: name, password: LoginTests.password, request: request)
        }
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    switch try await attempt("guess-\(number)", from: "192.0.2.1") {
                    case .refused: tally.compared.add(1, ordering: .relaxed)
                    case .delayed: tally.turnedAway.add(1, ordering: .relaxed)
                    case .authenticated: Issue.record("nobody has this name")
                    }
                }
            }
            try await eventuallyTrue("the first guess to be compared") { tally.compared.load(ordering: .relaxed) > 0 }
            try await BlockingExecutor.shared.run {}
            #expect(tally.compared.load(ordering: .relaxed) < 20, "other work waited behind guesses")
            guard case .authenticated = try await attempt("alice", from: "192.0.2.2") else {
                Issue.record("somebody at another address could not log in")
                return
            }
            try await group.waitForAll()
        }
        #expect(tally.compared.load(ordering: .relaxed) + tally.turnedAway.load(ordering: .relaxed) == 60)
        #expect(tally.turnedAway.load(ordering: .relaxed) > 30)
    }

    @Test("U05: cookies are HttpOnly, Lax and host-bound; on https __Host- and Secure")
    func attributes() async throws {
        for url in [nil, "https://gw.test"] {
            let fixture = try await Fixture(publicURL: url)
            try await addUser(fixture)
            let browser = TestBrowser(fixture, origin: url ?? "http://localhost:8080")
            let page = await browser.get("/login")
            var form = page.form()
            form["username"] = "alice"
            form["password"] = LoginTests.password
            let answer = await browser.post("/login", form, from: url ?? "http://localhost:8080")
            #expect(answer.status == 303)
            let origin = url ?? "http://localhost:8080"
            let client = try await fixture.registerClient(at: origin)
            let begun = await browser.get(fixture.authorizeTarget(client, changing: ["resource": origin + "/a/mcp"]))
            let cookies = [page, answer, begun].map { $0.headers("set-cookie") }
            #expect(cookies.allSatisfy { !$0.isEmpty }, "login page, session, authorization request")
            for cookie in cookies.joined() {
                #expect(
                    cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Path=/"))
                #expect(!cookie.contains("Domain"))
                #expect(cookie.hasPrefix("__Host-") == (url != nil))
                #expect(cookie.contains("; Secure") == (url != nil))
            }
        }
    }

    @Test("U05, I08: the session id changes at login and dies at sign-out")
    func rotation() async throws {
        let fixture = try await Fixture()
        try await addUser(fixture)
        let browser = TestBrowser(fixture)
        browser.cookies["sallyport-session"] = "planted"
        _ = await logIn(browser, await browser.get("/login"))
        let secret = try #require(browser.cookies["sallyport-session"])
        #expect(secret != "planted")
        let welcome = await browser.get("/account")
        #expect(welcome.text.contains("alice"))
        let forged = await browser.post("/logout", ["form_token": "x"])
        #expect(forged.status == 403)
        #expect(await browser.post("/logout", welcome.form(action: "/logout")).status == 200)
        #expect(browser.cookies["sallyport-session"] == nil)
        let replay = TestBrowser(fixture)
        replay.cookies["sallyport-session"] = secret
        #expect(await !replay.get("/account").text.contains("alice"))
    }

    @Test("U05: a session ends after 30 idle minutes and after 12 hours")
    func lifetimes() async throws {
        let fixture = try await Fixture()
        let user = try await fixture.addUser()
        let idle = TestBrowser(fixture)
        try await fixture.signIn(idle, as: user)
        fixture.clock.advance(by: .seconds(31 * 60))
        #expect(await !idle.get("/account").text.contains("alice"))
        let busy = TestBrowser(fixture)
        try await fixture.signIn(busy, as: user)
        for _ in 0..<28 {
            fixture.clock.advance(by: .seconds(25 * 60))
            #expect(await busy.get("/account").text.contains("alice"))
        }
        fixture.clock.advance(by: .seconds(25 * 60))
        #expect(await !busy.get("/account").text.contains("alice"))
    }

    @Test("I01: a login post without this page's token or cookie is 403, and tries no password")
    func loginForgery() async throws {
        let fixture = try await Fixture()
        let browser = TestBrowser(fixture)
        var form = await browser.get("/login").form()
        form["username"] = "alice"
        form["password"] = "x"
        #expect(await browser.post("/login", form, from: "https://evil.test").status == 403)
        #expect(await TestBrowser(fixture).post("/login", form).status == 403)
        form["form_token"] = "forged"
        #expect(await browser.post("/login", form).status == 403)
        #expect(!fixture.audit.actions.contains(.loginFailed))
    }

    @Test("U06: attempts made side by side are counted like those made one after another")
    func parallelGuessing() async throws {
        let fixture = try await Fixture()
        try await addUser(fixture)
        let statuses = await withTaskGroup(of: Int.self) { group in
            for guess in 0..<24 {
                group.addTask {
                    let browser = TestBrowser(fixture)
                    let page = await browser.get("/login")
                    return await self.logIn(browser, page, password: "wrong guess \(guess)").status
                }
            }
            return await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect((statuses[401] ?? 0) <= 7 && (statuses[429] ?? 0) >= 17, "\(statuses)")
    }

    @Test("U06: wrong passwords and unknown names look alike, and failures cost time, never the session")
    func throttling() async throws {
        let fixture = try await Fixture()
        try await addUser(fixture)
        let browser = TestBrowser(fixture)
        let page = await browser.get("/login")
        let wrong = await logIn(browser, page, password: "wrong password")
        var form = page.form()
        form["username"] = "nobody"
        form["password"] = "wrong password"
        let unknown = await browser.post("/login", form)
        #expect(wrong.status == 401 && unknown.status == 401)
        #expect(wrong.text.contains("user name or the password is wrong"))
        #expect(unknown.text.contains("user name or the password is wrong"))
        for _ in 0..<5 { _ = await logIn(browser, page, password: "wrong password") }
        let delayed = await logIn(browser, page)
        #expect(delayed.status == 429)
        #expect(delayed.header("retry-after") != nil)
        fixture.clock.advance(by: .seconds(61))
        #expect(await logIn(browser, page).status == 303)
        // What was wrong before a right one counts no more.
        let next = TestBrowser(fixture)
        let again = await next.get("/login")
        for _ in 0..<5 { #expect(await logIn(next, again, password: "wrong password").status == 401) }
        #expect(await logIn(next, again).status == 303)
    }

    @Test("a setup link sets a password once, and a newer link replaces it")
    func setupLink() async throws {
        let fixture = try await Fixture()
        let old = try #require(try await fixture.users.prepareFirstUser(lifetime: .seconds(3600)))
        let link = try #require(try await fixture.users.prepareFirstUser(lifetime: .seconds(3600)))
        let browser = TestBrowser(fixture)
        #expect(await browser.get("/setup?link=\(old)").status == 403)
        var form = await browser.get("/setup?link=\(link)").form()
        #expect(form["username"] == "admin")
        form["password"] = "short"
        form["repeated"] = "short"
        #expect(await browser.post("/setup", form).status == 400)
        form["password"] = LoginTests.password
        form["repeated"] = "something else"
        #expect(await browser.post("/setup", form).status == 400)
        form["repeated"] = LoginTests.password
        #expect(await browser.post("/setup", form, from: "https://evil.test").status == 403)
        #expect(await browser.post("/setup", form).status == 303)
        #expect(await browser.get("/account").text.contains("admin"))
        #expect(await browser.post("/setup", form).status == 403)
        #expect(try await fixture.users.prepareFirstUser(lifetime: .seconds(3600)) == nil)
        #expect(try await fixture.users.list().first?.isAdministrator == true)
    }

    @Test("a setup link ends with its time")
    func expiredLink() async throws {
        let fixture = try await Fixture()
        let link = try #require(try await fixture.users.prepareFirstUser(lifetime: .seconds(60)))
        fixture.clock.advance(by: .seconds(61))
        #expect(await TestBrowser(fixture).get("/setup?link=\(link)").status == 403)
    }
}
