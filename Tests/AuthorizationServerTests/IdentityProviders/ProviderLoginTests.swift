import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Logins by way of an identity provider, against a provider that tells the truth.
@Suite(.timeLimit(.minutes(2))) struct ProviderLoginTests {
    @Test("a login at a provider ends in tokens of ours, for an account that is a record like others")
    func wholeWay() async throws {
        let setting = try await ProviderSetting()
        let (access, _) = try await setting.tokens()
        #expect(await setting.fixture.accepts(access))
        let account = try #require(try await setting.accounts().first)
        #expect(account.name == "corp:alice@corp.test" && account.email == "alice@corp.test")
        #expect(account.passwordHash == nil && !account.isAdministrator)
        #expect(setting.fixture.audit.actions.contains(.loginSucceeded))
        // The browser is signed in now, and the same request is remembered.
        let again = await setting.choices()
        #expect(again.locationParameters["code"] != nil)
        await setting.stop()
    }

    @Test("a19, U04: nobody is sent to a provider before the request was allowed on a page that shows it")
    func consentComesFirst() async throws {
        let setting = try await ProviderSetting()
        let page = await setting.choices()
        #expect(page.status == 200)
        for shown in ["Test Client", "127.0.0.1", "Server A", "Allow and sign in with Corp", "30 days"] {
            #expect(page.text.contains(shown), "\(shown)")
        }
        #expect(setting.standIn.log.isEmpty, "the provider has not even been asked where it is")
        let form = page.form(decision: "allow")
        for changed in [
            form.merging(["decision": ""]) { $1 }, form.merging(["form_token": "x"]) { $1 },
            form.merging(["transaction": "sp_login_x"]) { $1 },
        ] {
            let answer = await setting.browser.post("/login/corp", changed)
            #expect(answer.status == 403 && answer.location == nil, "\(changed)")
        }
        let foreign = await setting.browser.post("/login/corp", form, from: "https://evil.test")
        #expect(foreign.status == 403)
        #expect(await setting.browser.get("/login/corp").status == 405)
        #expect(await setting.browser.post("/login/corp", form).status == 303)
        await setting.stop()
    }

    @Test("U04: deny ends the request with access_denied, and no provider hears of it")
    func deny() async throws {
        let setting = try await ProviderSetting()
        let form = await setting.choices().form(decision: "deny")
        let answer = await setting.browser.post("/login/corp", form)
        #expect(answer.locationParameters["error"] == "access_denied")
        #expect(setting.standIn.log.isEmpty)
        #expect(await setting.browser.post("/login/corp", form).status == 403, "and it is over")
        await setting.stop()
    }

    @Test("RFC 8628 §3.5, U04: a device that is denied before anybody signed in is told access_denied")
    func denyDevice() async throws {
        let setting = try await ProviderSetting()
        let client = try await DeviceTests.register(setting.fixture)
        let begun = await setting.fixture.send(
            .post, "/device_authorization", form: [("client_id", client), ("resource", "http://localhost:8080/a/mcp")])
        let device = try #require(try begun.member("device_code"))
        func poll() async throws -> String? {
            setting.clock.advance(by: .seconds(20))
            return try await setting.fixture.send(
                .post, "/token",
                form: [("grant_type", DeviceTests.grantType), ("device_code", device), ("client_id", client)]
            ).member("error")
        }
        #expect(try await poll() == "authorization_pending")
        var form = await setting.browser.get("/device").form()
        form["user_code"] = try begun.member("user_code")
        let page = await setting.browser.follow(await setting.browser.post("/device", form))
        #expect(page.text.contains("Allow and sign in with Corp"))
        let answer = await setting.browser.post("/login/corp", page.form(decision: "deny"))
        #expect(answer.status == 200 && answer.location == nil && answer.text.contains("The device gets nothing"))
        #expect(try await poll() == "access_denied")
        #expect(setting.standIn.log.isEmpty)
        #expect(setting.fixture.audit.actions.contains(.consentDenied))
        form["user_code"] = try begun.member("user_code")
        #expect(await setting.browser.post("/device", form).status == 400, "the code is over")
        await setting.stop()
    }

    @Test("several providers and local accounts: a page to choose, and every way leads on")
    func choice() async throws {
        let setting = try await ProviderSetting(providers: 2, withLocalAccounts: true)
        let page = await setting.choices()
        for action in ["/login/corp\"", "/login/corp2\"", "with=password"] { #expect(page.text.contains(action)) }
        // To one provider and back by the browser's button, then to the other.
        _ = try await setting.depart()
        let form = page.form(decision: "allow")
        let location = try #require(await setting.browser.post("/login/corp2", form).location)
        let answer = await setting.browser.get(try setting.standIns[1].signIn(location))
        #expect(answer.locationParameters["code"] != nil)

        let other = TestBrowser(setting.fixture)
        let start = await setting.choices(other)
        let link = try #require(
            start.text.components(separatedBy: "href=\"").dropFirst().first {
                $0.hasPrefix("/login?with=password")
            }?.components(separatedBy: "\"")[0].replacingOccurrences(of: "&amp;", with: "&"))
        #expect(await other.get(link).text.contains("name=\"password\""))
        await setting.stop()
    }

    @Test("without local accounts a password opens nothing, and a session of a local account is nobody's")
    func localIsOff() async throws {
        let setting = try await ProviderSetting()
        _ = try await setting.fixture.users.add(name: "bob", password: "correct horse battery")
        let page = await setting.choices()
        #expect(!page.text.contains("type=\"password\"") && !page.text.contains("with=password"))
        var form = page.form(decision: "allow")
        form["username"] = "bob"
        form["password"] = "correct horse battery"
        #expect(await setting.browser.post("/login", form).status == 403)
        let bob = try #require(try await setting.fixture.store.user(named: "bob"))
        let browser = TestBrowser(setting.fixture)
        try await setting.fixture.signIn(browser, as: bob)
        #expect(await setting.choices(browser).text.contains("Allow and sign in"))
        await setting.stop()
    }

    @Test("prompt=login asks the provider for a fresh login as well")
    func promptLogin() async throws {
        let setting = try await ProviderSetting()
        let form = await setting.choices(changing: ["prompt": "login"]).form(decision: "allow")
        let location = try #require(await setting.browser.post("/login/corp", form).location)
        #expect(location.contains("&prompt=login"))
        #expect(!(try await setting.depart(TestBrowser(setting.fixture)).contains("prompt=")))
        await setting.stop()
    }

    @Test(
        "an error of the provider reaches the client in its own words",
        arguments: [
            ("access_denied", "access_denied"), ("temporarily_unavailable", "temporarily_unavailable"),
            ("invalid_scope", "server_error"), ("<script>", "server_error"),
        ])
    func providerError(_ sent: String, _ expected: String) async throws {
        let setting = try await ProviderSetting()
        let target = try setting.standIn.signIn(try await setting.depart())
        let state = target.components(separatedBy: "state=")[1]
        let error = Fixture.encode([("error", sent)])
        let answer = await setting.browser.get("/callback/corp?\(error)&state=\(state)")
        #expect(answer.locationParameters["error"] == expected)
        #expect(!setting.standIn.log.contains("POST /token"))
        await setting.stop()
    }

    @Test("I08: a session that somebody planted before the login is worth nothing after it")
    func sessionFixation() async throws {
        let setting = try await ProviderSetting()
        setting.browser.cookies["sallyport-session"] = "planted"
        _ = try await setting.arrive()
        let session = try #require(setting.browser.cookies["sallyport-session"])
        #expect(session != "planted")
        let attacker = TestBrowser(setting.fixture)
        attacker.cookies["sallyport-session"] = "planted"
        #expect(await setting.choices(attacker).text.contains("Allow and sign in"))
        await setting.stop()
    }
}
