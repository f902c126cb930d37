import AuthorizationServer
import Foundation
import HTTP
import OAuth
import Storage
import Testing

/// What every page of ours says to the browser, whatever it shows.
@Suite(.timeLimit(.minutes(2))) struct PageHeaderTests {
    /// One of each kind of page, by what leads to it.
    private func pages() async throws -> [(name: String, answer: Answer)] {
        let fixture = try await Fixture { $0.allowsOutOfBand = true }
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let stranger = TestBrowser(fixture)
        let login = await stranger.follow(await stranger.get(fixture.authorizeTarget(client)))
        var wrong = login.form()
        wrong["username"] = "alice"
        wrong["password"] = "not the password"
        let outOfBand = try await fixture.registerClient(redirects: ["urn:ietf:wg:oauth:2.0:oob"])
        let asked = await browser.follow(await browser.get(fixture.authorizeTarget(outOfBand)))
        var pages = [
            ("consent", await browser.follow(await browser.get(fixture.authorizeTarget(client)))), ("login", login),
            ("wrong password", await stranger.post("/login", wrong)), ("plain login", await stranger.get("/login")),
            ("setup", await stranger.get("/setup?link=x")), ("nothing asked", await stranger.get("/authorize")),
            ("mistake", await stranger.get(fixture.authorizeTarget(client, changing: ["scope": "bogus"]))),
            ("over", await browser.get("/consent?transaction=unknown")), ("account", await browser.get("/account")),
            ("forged", await browser.post("/account", [:])),
            ("device", await browser.get("/device")),
            ("out of band", await browser.post("/consent", asked.form(decision: "allow"))),
            ("not known", await stranger.get(fixture.authorizeTarget(client, changing: ["client_id": "nobody"]))),
        ]
        let leave = await browser.get("/account").form(action: "/logout")
        pages.append(("signed out", await browser.post("/logout", leave)))

        let setting = try await ProviderSetting()
        pages.append(("choice", await setting.choices()))
        setting.standIn.script { $0.breaksSignature = true }
        pages.append(("not believed", try await setting.arrive()))
        await setting.stop()
        return pages
    }

    @Test("U01: every page refuses to be framed and allows nothing but its style")
    func framing() async throws {
        let pages = try await pages()
        for (name, page) in pages {
            #expect(page.text.contains("<h1>"), "\(name) is no page: \(page.status) \(page.location ?? page.text)")
            let policy = try #require(page.header("content-security-policy"), "\(name)")
            #expect(policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"), "\(name)")
            #expect(policy.contains("frame-ancestors 'none'"), "\(name)")
            #expect(page.header("x-frame-options") == "DENY", "\(name)")
            #expect(page.header("cross-origin-opener-policy") == "same-origin", "\(name)")
            #expect(page.header("cache-control") == "no-store", "\(name)")
            #expect(page.header("referrer-policy") == "no-referrer", "\(name)")
            let nonce = try #require(policy.components(separatedBy: "'nonce-").last?.components(separatedBy: "'").first)
            #expect(page.text.contains("<style nonce=\"\(nonce)\">"), "\(name)")
            #expect(!page.text.contains("<script"), "\(name)")
        }
        let nonces = pages.compactMap {
            $0.answer.header("content-security-policy")?.components(separatedBy: "'nonce-").last
        }
        #expect(Set(nonces).count == pages.count, "each nonce is used once")
    }
}
