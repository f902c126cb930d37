import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// The consent page: who it asks, what it shows, what it believes.
@Suite struct ConsentTests {
    private struct Setting {
        let fixture: Fixture
        let client: Fixture.TestClient
        let user: UserRecord
        let browser: TestBrowser

        init(name: String = "Test Client", redirects: [String] = [Fixture.redirect]) async throws {
            fixture = try await Fixture()
            client = try await fixture.registerClient(redirects: redirects, name: name)
            user = try await fixture.addUser()
            browser = TestBrowser(fixture)
            try await fixture.signIn(browser, as: user)
        }

        func page(changing: [String: String?] = [:]) async -> Answer {
            await browser.follow(await browser.get(fixture.authorizeTarget(client, changing: changing)))
        }
    }

    @Test("U02: a post of another site, without or with a foreign token, is 403 and changes nothing")
    func forgery() async throws {
        let setting = try await Setting()
        let form = await setting.page().form(decision: "allow")
        var withoutToken = form
        withoutToken["form_token"] = nil
        var wrongToken = form
        wrongToken["form_token"] = String(repeating: "A", count: 43)
        for answer in [
            await setting.browser.post("/consent", form, from: "https://evil.test"),
            await setting.browser.post("/consent", withoutToken),
            await setting.browser.post("/consent", wrongToken),
        ] {
            #expect(answer.status == 403)
            #expect(answer.location == nil)
        }
        // All that our own page's post has, but for the type: what a form of another site can send as JSON.
        let own = setting.browser.cookieField + [("Origin", setting.browser.origin), ("Sec-Fetch-Site", "same-origin")]
        for type in ["text/plain", "application/json", "multipart/form-data"] {
            let plain = await setting.fixture.send(
                .post, "/consent", fields: own + [("Content-Type", type)], body: Fixture.encode(form.map { ($0, $1) }))
            #expect(plain.status == 403 && plain.location == nil, "\(type)")
        }
        #expect(await setting.browser.post("/consent", form).locationParameters["code"] != nil, "the real one works")
    }

    @Test("U02: the fetch metadata and Origin are judged each for itself")
    func fetchMetadata() async throws {
        let setting = try await Setting()
        let form = await setting.page().form(decision: "allow").map { ($0.key, $0.value) }
        let cookie = setting.browser.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        let cases: [([(String, String)], Bool)] = [
            ([("Sec-Fetch-Site", "cross-site")], false), ([("Sec-Fetch-Site", "same-site")], false),
            ([("Origin", "null")], false), ([("Origin", "null"), ("Sec-Fetch-Site", "cross-site")], false),
            ([("Origin", "http://localhost:8081")], false),
            ([("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], true),
        ]
        for (fields, isAccepted) in cases {
            let answer = await setting.fixture.send(
                .post, "/consent", fields: fields + [("Cookie", cookie)], form: form)
            #expect((answer.status == 303) == isAccepted, "\(fields)")
            if !isAccepted { #expect(answer.status == 403) }
        }
    }

    @Test("U02: a decision is never made by GET, and a form works once")
    func getAndReuse() async throws {
        let setting = try await Setting()
        let form = await setting.page().form(decision: "allow")
        let link = "/consent?" + Fixture.encode(form.map { ($0.key, $0.value) })
        let linked = await setting.browser.get(link)
        #expect(linked.status == 403)
        let cookies = setting.browser.cookies
        #expect(await setting.browser.post("/consent", form).status == 303)
        // A second tab still has the cookie that the answer took away.
        setting.browser.cookies = cookies
        let again = await setting.browser.post("/consent", form)
        #expect(again.status == 403)
        #expect(again.location == nil)
        #expect(again.text.contains("answered already"))
    }

    @Test("U02: two tabs opened at once both work")
    func twoTabs() async throws {
        let setting = try await Setting()
        let targets = (0..<2).map { setting.fixture.authorizeTarget(setting.client, changing: ["state": "tab\($0)"]) }
        // Both requests leave before either answer arrives: neither carries the other's cookie.
        let first = await setting.fixture.send(.get, targets[0], fields: setting.browser.cookieField)
        let second = await setting.fixture.send(.get, targets[1], fields: setting.browser.cookieField)
        let pages = [
            await setting.browser.follow(setting.browser.keep(first)),
            await setting.browser.follow(setting.browser.keep(second)),
        ]
        for (tab, page) in pages.enumerated() {
            let answer = await setting.browser.post("/consent", page.form(decision: "allow"))
            #expect(answer.locationParameters["code"] != nil)
            #expect(answer.locationParameters["state"] == "tab\(tab)")
        }
    }

    @Test("I01, I02: the page and its post belong to the browser that began")
    func otherBrowser() async throws {
        let setting = try await Setting()
        let begun = await setting.browser.get(setting.fixture.authorizeTarget(setting.client))
        let page = await setting.browser.follow(begun)
        let victim = TestBrowser(setting.fixture)
        try await setting.fixture.signIn(victim, as: setting.user)
        let opened = await victim.get(try #require(begun.location))
        #expect(opened.status == 403)
        let posted = await victim.post("/consent", page.form(decision: "allow"))
        #expect(posted.status == 403)
        #expect(posted.location == nil)
    }

    @Test("I01: a login that was begun is over after ten minutes")
    func expired() async throws {
        let setting = try await Setting()
        let form = await setting.page().form(decision: "allow")
        setting.fixture.clock.advance(by: .seconds(601))
        let answer = await setting.browser.post("/consent", form)
        #expect(answer.status == 403)
        #expect(answer.location == nil)
    }

    @Test("U02: a post after another user signed in is 403")
    func otherUser() async throws {
        let setting = try await Setting()
        let form = await setting.page().form(decision: "allow")
        try await setting.fixture.signIn(setting.browser, as: try await setting.fixture.addUser("bob"))
        #expect(await setting.browser.post("/consent", form).status == 403)
    }

    @Test("a9, U04: the page shows client, redirect host, scopes, resource, lifetime and a warning for local redirects")
    func whatIsShown() async throws {
        let setting = try await Setting(name: "My Agent")
        let text = await setting.page(changing: ["scope": "a:read"]).text
        for part in ["My Agent", setting.client.id, "127.0.0.1", "Server A", "a:read", "30 days", "alice"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("a:write"))
        #expect(text.contains("program on your own computer"))
        let remote = try await Setting(redirects: ["https://app.test/cb"])
        let remoteText = await remote.page().text
        #expect(remoteText.contains("app.test"))
        #expect(!remoteText.contains("program on your own computer"))
    }

    @Test("U04: a consent is remembered, and asked again when scope, resource or client changes")
    func remembered() async throws {
        let setting = try await Setting()
        _ = try await setting.fixture.code(setting.browser, setting.client, changing: ["scope": "a:read"])
        let same = await setting.page(changing: ["scope": "a:read"])
        #expect(same.locationParameters["code"] != nil)
        #expect(await setting.page(changing: ["scope": "a:write"]).status == 200)
        #expect(
            await setting.page(changing: ["scope": nil, "resource": "http://localhost:8080/b/mcp"]).status == 200)
        // More servers with the same scope.
        let more = setting.fixture.authorizeTarget(
            setting.client, changing: ["scope": "a:read"], adding: [("resource", "http://localhost:8080/b/mcp")])
        let wider = await setting.browser.follow(await setting.browser.get(more))
        #expect(wider.status == 200 && wider.text.contains("Server B"))
        let twin = try await setting.fixture.registerClient()
        let asked = await setting.browser.follow(
            await setting.browser.get(
                setting.fixture.authorizeTarget(twin, changing: ["scope": "a:read"])))
        #expect(asked.status == 200, "a client of the same name is another client")
        let theirs = TestBrowser(setting.fixture)
        try await setting.fixture.signIn(theirs, as: try await setting.fixture.addUser("bob"))
        let page = await theirs.follow(
            await theirs.get(setting.fixture.authorizeTarget(setting.client, changing: ["scope": "a:read"])))
        #expect(page.status == 200 && page.text.contains("bob"), "another user has allowed nothing")
        #expect(await setting.page(changing: ["scope": "a:read"]).locationParameters["code"] != nil, "still remembered")
        #expect(await setting.page(changing: ["scope": "a:read", "prompt": "consent"]).status == 200)
    }

    @Test("U04: a changed name or redirect host is asked again; the same once more is not")
    func changed() async throws {
        let other = "https://other.test/cb"
        let setting = try await Setting(redirects: [Fixture.redirect, other])
        _ = try await setting.fixture.code(setting.browser, setting.client)
        #expect(await setting.page().locationParameters["code"] != nil)
        #expect(await setting.page(changing: ["redirect_uri": other]).status == 200)
        var record = try #require(try await setting.fixture.store.client(ClientID(setting.client.id)))
        let text = String(decoding: record.metadata, as: UTF8.self)
        record.metadata = Array(text.replacingOccurrences(of: "Test Client", with: "Your Bank").utf8)
        _ = try await setting.fixture.store.register(record, capacity: 10, evictableBefore: setting.fixture.clock.now)
        let asked = await setting.page()
        #expect(asked.status == 200 && asked.text.contains("Your Bank"))
    }

    @Test("U04: a client of the operator's own is not asked about, one that only says so is")
    func firstParty() async throws {
        let setting = try await Setting()
        let liar = await setting.fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"client_name":"x","redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"none",
                "first_party":true,"is_first_party":true}
                """)
        let client = Fixture.TestClient(
            id: try #require(try liar.member("client_id")), secret: nil, redirect: Fixture.redirect)
        let target = setting.fixture.authorizeTarget(client)
        #expect(await setting.browser.follow(await setting.browser.get(target)).status == 200)
        var record = try #require(try await setting.fixture.store.client(ClientID(client.id)))
        record.isFirstParty = true
        _ = try await setting.fixture.store.register(record, capacity: 10, evictableBefore: setting.fixture.clock.now)
        let answer = await setting.browser.follow(await setting.browser.get(target))
        #expect(answer.locationParameters["code"] != nil)
        let fresh = TestBrowser(setting.fixture)
        let login = await fresh.follow(await fresh.get(target))
        #expect(login.status == 200 && login.text.contains("Sign in"), "and still somebody has to sign in")
    }

    @Test("U04: deny goes to the client as access_denied and issues nothing")
    func deny() async throws {
        let setting = try await Setting()
        let form = await setting.page().form(decision: "deny")
        let answer = await setting.browser.post("/consent", form)
        #expect(answer.status == 303)
        #expect(answer.locationParameters["error"] == "access_denied")
        #expect(answer.locationParameters["state"] == "xyz")
        #expect(answer.locationParameters["iss"] == "http://localhost:8080")
        #expect(answer.locationParameters["code"] == nil)
        #expect(setting.fixture.audit.actions.contains(.consentDenied))
        #expect(await setting.page().status == 200, "it is asked again")
    }

    @Test(
        "U01: form-action names where the consent's redirect leads",
        arguments: [
            ("http://127.0.0.1:7777/callback", "http://127.0.0.1:7777"), ("https://app.test/cb", "https://app.test"),
            ("cursor://anysphere.cursor/oauth", "cursor:"), ("http://[::1]:7777/cb", "http:"),
        ])
    func formAction(redirect: String, source: String) async throws {
        let setting = try await Setting(redirects: [redirect])
        let policy = try #require(await setting.page().header("content-security-policy"))
        #expect(policy.contains("form-action 'self' \(source);"))
    }

    @Test(
        "U03: markup in the client's name is text, and what deceives the eye is gone",
        arguments: [
            ("<script>alert(1)</script>", "&lt;script&gt;"), ("\\\"><img src=x onerror=alert(1)>", "&lt;img"),
            ("a\\u202eb", "ab"), ("a\\u200bb\\u0007c", "abc"), ("{{7*7}}", "{{7*7}}"),
        ])
    func markup(name: String, shown: String) async throws {
        let setting = try await Setting(name: name)
        let text = await setting.page().text
        #expect(text.contains(shown))
        #expect(!text.contains("<script"))
        #expect(!text.contains("<img"))
        #expect(!text.unicodeScalars.contains("\u{202E}"))
    }

    @Test("U03: a client's logo and home page are not shown, and its documents are links and nothing else")
    func documents() async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"client_name":"x","redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"none",
                "logo_uri":"https://logo.test/l.svg","client_uri":"https://home.test/",
                "policy_uri":"https://policy.test/?a=1&b='x'","tos_uri":"https://tos.test/"}
                """)
        let client = Fixture.TestClient(
            id: try #require(try answer.member("client_id"), "\(answer.text)"), secret: nil, redirect: Fixture.redirect)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let text = await browser.follow(await browser.get(fixture.authorizeTarget(client))).text
        #expect(text.contains("policy.test") && text.contains("tos.test") && text.contains("rel=\"noopener noreferrer"))
        for absent in ["logo.test", "home.test", "<img", "<link", "<iframe", "b='x'"] {
            #expect(!text.contains(absent), "\(absent)")
        }
    }

    @Test("U03: a name is at most 60 characters")
    func longName() async throws {
        let setting = try await Setting(name: String(repeating: "n", count: 150))
        let text = await setting.page().text
        #expect(text.contains(String(repeating: "n", count: 60) + "…"))
        #expect(!text.contains(String(repeating: "n", count: 61)))
    }
}
