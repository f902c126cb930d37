import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// What comes back from an identity provider, or from somebody who says so.
@Suite(.timeLimit(.minutes(2))) struct ProviderCallbackTests {
    @Test("I01: the cookie that fits a callback comes with the decision, not before, and is __Host- on https")
    func cookieAfterConsent() async throws {
        let setting = try await ProviderSetting()
        _ = await setting.choices()
        #expect(!setting.browser.cookies.keys.contains { $0.contains("trip") })
        let location = try await setting.depart()
        #expect(setting.browser.cookies.keys.filter { $0.hasPrefix("sallyport-trip-") }.count == 1)
        let state = try #require(URLComponents(string: location)?.queryItems?.first { $0.name == "state" }?.value)
        let mark = try #require(state.split(separator: ".").last)
        #expect(mark.utf8.count == 43, "256 bits in base64url")

        let provider = try setting.standIn.provider()
        let secure = try await Fixture(
            publicURL: "https://mcp.example.com", clock: setting.clock,
            providers: ProviderDirectory(providers: [provider], hasLocalAccounts: false, sealing: nil))
        let browser = TestBrowser(secure, origin: "https://mcp.example.com")
        let page = await browser.get("/login")
        let away = await browser.post(
            "/login/corp", page.form(decision: "allow"), from: "https://mcp.example.com")
        let cookie = try #require(away.headers("set-cookie").first { $0.hasPrefix("__Host-sallyport-trip-") })
        for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=600"] {
            #expect(cookie.contains(part), "\(part) in \(cookie)")
        }
        await setting.stop()
    }

    @Test("a20, I01: a callback without, with a wrong or with a foreign state is 403, and the provider is not called")
    func foreignState() async throws {
        let setting = try await ProviderSetting()
        let target = try setting.standIn.signIn(try await setting.depart())
        let asked = setting.standIn.log.count
        let (path, query) = (target.components(separatedBy: "?")[0], target.components(separatedBy: "?")[1])
        let code = query.components(separatedBy: "&")[0]
        let state = query.components(separatedBy: "state=")[1]
        let parts = state.components(separatedBy: ".")
        let later = "\(parts[0]).\((Int64(parts[1]) ?? 0) + 1).\(parts[2])"
        for wrong in [
            "\(path)?\(code)", "\(path)?\(code)&state=", "\(path)?\(code)&state=x", "\(path)?\(code)&state=\(later)",
            "\(path)?\(code)&state=-.\(parts[1]).\(parts[2])", "\(path)?\(code)&state=\(state)x",
            "\(path)?\(code)&state=\(state)&state=\(state)",
        ] {
            let answer = await setting.browser.get(wrong)
            let isAmbiguous = wrong.components(separatedBy: "state=").count > 2
            #expect(answer.status == (isAmbiguous ? 400 : 403) && answer.location == nil, "\(wrong)")
        }
        let stripped = TestBrowser(setting.fixture)
        stripped.cookies = setting.browser.cookies.filter { !$0.key.contains("trip") }
        #expect(await stripped.get(target).status == 403, "the cookie of the trip is missing")
        #expect(setting.standIn.log.count == asked)
        #expect(await setting.browser.get(target).locationParameters["code"] != nil, "the right one works")
        await setting.stop()
    }

    @Test("a20, I01: a state works once, and for ten minutes")
    func onceAndSoon() async throws {
        let setting = try await ProviderSetting()
        let target = try setting.standIn.signIn(try await setting.depart())
        let cookies = setting.browser.cookies
        #expect(await setting.browser.get(target).locationParameters["code"] != nil)
        let asked = setting.standIn.log.count
        setting.browser.cookies = cookies
        let replay = await setting.browser.get(target)
        #expect(replay.status == 403 && replay.location == nil)
        #expect(setting.standIn.log.count == asked)

        let slow = TestBrowser(setting.fixture)
        let late = try setting.standIn.signIn(try await setting.depart(slow))
        setting.clock.advance(by: .seconds(660))
        #expect(await slow.get(late).status == 403)
        #expect(setting.standIn.log.count == asked)
        await setting.stop()
    }

    @Test("I01: once and for ten minutes without an authorization request too, where no transaction ends")
    func onceAndSoonByItself() async throws {
        let setting = try await ProviderSetting()
        func depart(_ browser: TestBrowser) async throws -> String {
            let form = await browser.get("/login").form(decision: "allow")
            return try setting.standIn.signIn(try #require(await browser.post("/login/corp", form).location))
        }
        let browser = TestBrowser(setting.fixture)
        let back = try await depart(browser)
        let kept = browser.cookies
        setting.clock.advance(by: .seconds(599))
        #expect(await browser.get(back).location == "/login")
        let asked = setting.standIn.log.count
        browser.cookies = kept
        #expect(await browser.get(back).status == 403, "a second time")
        let slow = TestBrowser(setting.fixture)
        let late = try await depart(slow)
        setting.clock.advance(by: .seconds(601))
        #expect(await slow.get(late).status == 403, "too late")
        #expect(setting.standIn.log.count == asked)
        await setting.stop()
    }

    @Test("a19, I02: the attacker consents, the victim completes: 403, no code, no token call")
    func otherBrowser() async throws {
        let setting = try await ProviderSetting()
        let attacker = TestBrowser(setting.fixture)
        let location = try await setting.depart(attacker)
        // The victim opens the provider's page, is known there, and comes straight back.
        let target = try setting.standIn.signIn(location)
        let victim = TestBrowser(setting.fixture)
        _ = await setting.choices(victim)
        let asked = setting.standIn.log.count
        let answer = await victim.get(target)
        #expect(answer.status == 403 && answer.location == nil)
        #expect(setting.standIn.log.count == asked)
        #expect(try await setting.accounts().isEmpty)
        await setting.stop()
    }

    @Test("I03: an answer of one provider at the other's callback is 403, and the other is never called")
    func mixUp() async throws {
        let setting = try await ProviderSetting(providers: 2)
        let target = try setting.standIns[0].signIn(try await setting.depart())
        let before = setting.standIns[1].log
        let crossed = target.replacingOccurrences(of: "/callback/corp?", with: "/callback/corp2?")
        for more in ["", "&iss=\(setting.standIns[0].issuer)", "&iss=\(setting.standIns[1].issuer)"] {
            let answer = await setting.browser.get(crossed + more)
            #expect(answer.status == 403 && answer.location == nil)
        }
        #expect(setting.standIns[1].log == before && !before.contains("POST /token"))
        #expect(await setting.browser.get("/callback?" + target.components(separatedBy: "?")[1]).status == 404)
        await setting.stop()
    }

    @Test("I03: iss of the answer is the provider's own; absent only where the provider does not promise it")
    func issuerParameter() async throws {
        for (promised, more, isWelcome) in [
            (false, "", true), (true, "", false), (true, "&iss=ISSUER", true), (false, "&iss=https://evil.test", false),
            (true, "&iss=ISSUER/", false), (true, "&iss=ISSUER&iss=ISSUER", false),
        ] {
            let setting = try await ProviderSetting()
            setting.standIn.script {
                $0.discovery["authorization_response_iss_parameter_supported"] = .boolean(promised)
            }
            let suffix = more.replacingOccurrences(of: "ISSUER", with: setting.standIn.issuer)
            let target = try setting.standIn.signIn(try await setting.depart(), adding: suffix)
            let answer = await setting.browser.get(target)
            #expect((answer.locationParameters["code"] != nil) == isWelcome, "\(promised) \(more)")
            if !isWelcome {
                #expect((400...403).contains(answer.status))
                #expect(!setting.standIn.log.contains("POST /token"))
            }
            await setting.stop()
        }
    }
}
