import AsyncIO
import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import TestSupport
import Testing

/// Providers that are down, slow, or send what nobody should read.
@Suite(.timeLimit(.minutes(2))) struct ProviderFailureTests {
    typealias Answer = @Sendable (HTTPRequest) async -> HTTPResponse

    private static func json(_ text: String, _ status: HTTPStatus = .ok) -> Answer {
        { _ in .json(status, Array(text.utf8)) }
    }

    @Test("F14: a provider that is down keeps nobody from starting, says so on the page, and works when it is back")
    func down() async throws {
        let setting = try await ProviderSetting(providers: 2)
        setting.standIn.script { script in
            script.answers["/.well-known/openid-configuration"] = Self.json("{}", .serviceUnavailable)
        }
        let form = await setting.choices().form(decision: "allow")
        let answer = await setting.browser.post("/login/corp", form)
        #expect(answer.status == 503 && answer.location == nil)
        #expect(answer.text.contains("Corp does not answer right now"))
        // The other provider is unaffected, in the same transaction (I07).
        let location = try #require(await setting.browser.post("/login/corp2", form).location)
        #expect(
            await setting.browser.get(try setting.standIns[1].signIn(location)).locationParameters["code"] != nil)
        setting.standIn.script { $0.answers = [:] }
        setting.clock.advance(by: .seconds(11))
        let other = TestBrowser(setting.fixture)
        #expect(
            await other.get(try setting.standIn.signIn(try await setting.depart(other))).locationParameters["code"]
                != nil)
        await setting.stop()
    }

    @Test(
        "F14: keys that rotate in the middle of a login are found; a provider that is gone is lived without for a day")
    func rotation() async throws {
        let setting = try await ProviderSetting()
        // Keys of yesterday: the one that signs is not among them yet.
        let hidden = """
            {"keys":[{"kty":"EC","crv":"P-256","kid":"old",\
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
            """
        setting.standIn.script { $0.answers["/jwks"] = Self.json(hidden) }
        let first = await setting.browser.get(try setting.standIn.signIn(try await setting.depart()))
        #expect(first.status == 403, "a key that nobody published")
        setting.standIn.script { $0.answers = [:] }
        setting.clock.advance(by: .seconds(10))
        let browser = TestBrowser(setting.fixture)
        #expect(
            await browser.get(try setting.standIn.signIn(try await setting.depart(browser))).locationParameters["code"]
                != nil)
        // Documents fail from now on; logins go on with what is known.
        setting.standIn.script { script in
            for path in ["/jwks", "/.well-known/openid-configuration"] { script.answers[path] = Self.json("{", .ok) }
        }
        setting.clock.advance(by: .seconds(20 * 3600))
        let later = TestBrowser(setting.fixture)
        #expect(
            await later.get(try setting.standIn.signIn(try await setting.depart(later))).locationParameters["code"]
                != nil)
        setting.clock.advance(by: .seconds(4 * 3600 + 60))
        let tooLate = TestBrowser(setting.fixture)
        let answer = await tooLate.post("/login/corp", await setting.choices(tooLate).form(decision: "allow"))
        #expect(answer.status == 503 && answer.location == nil)
        #expect(answer.text.contains("Corp does not answer right now"))
        await setting.stop()
    }

    @Test(
        "F14: a provider that fails while the user is there is temporarily_unavailable to the client, garbage too",
        arguments: ["/token", "/jwks"], [#"{"#, "<html>Bad gateway</html>", "{}"])
    func failsInBetween(path: String, garbage: String) async throws {
        let setting = try await ProviderSetting()
        let (access, refresh) = try await setting.tokens(setting.freshBrowser)
        let other = try await ProviderSetting(sharing: setting)
        let target = try setting.standIn.signIn(try await other.depart())
        setting.standIn.script { $0.answers[path] = Self.json(garbage, garbage == "{}" ? .badGateway : .ok) }
        let answer = await other.browser.get(target)
        #expect(answer.locationParameters["error"] == "temporarily_unavailable", "\(answer.status) \(answer.text)")
        #expect(answer.locationParameters["state"] == "xyz")
        #expect(try await setting.accepts(access))
        #expect(await setting.fixture.refresh(refresh, setting.client).status == 200)
        await setting.stop()
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let name: String
        /// Where it is played.
        var path = "/token"
        /// What the client hears; nil where the user gets a page: what came is readable and proves nothing.
        var error: String? = "temporarily_unavailable"
        let answer: Answer
        var testDescription: String { "\(name) at \(path)" }
    }

    private static func stream(
        _ next: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) -> Answer {
        { _ in HTTPResponse(status: .ok, fields: ["Content-Type": "application/json"], body: .stream(next)) }
    }

    static let hostile: [Hostile] = [
        Hostile(
            name: "10 GiB that never end",
            answer: stream { writer in
                let part = [UInt8](repeating: 0x20, count: 1 << 16)
                for _ in 0..<163_840 { try await writer.write(part) }
            }),
        Hostile(name: "a hundred thousand brackets", answer: json(String(repeating: "[", count: 100_000))),
        Hostile(
            name: "33 levels",
            answer: json(String(repeating: "[", count: 33) + String(repeating: "]", count: 33))),
        Hostile(
            name: "gzip that nobody asked for",
            answer: { _ in
                var answer = HTTPResponse.json(.ok, [UInt8](repeating: 0x1F, count: 100))
                answer.fields.append("Content-Encoding", "gzip")
                return answer
            }),
        Hostile(name: "a status of 500", answer: json("{}", .internalServerError)),
        Hostile(name: "a status of 429", answer: json("{}", .tooManyRequests)),
        Hostile(name: "no JSON", answer: { _ in .text(.ok, "<html>") }),
        Hostile(name: "two access tokens", answer: json(#"{"access_token":"a","access_token":"b"}"#)),
        Hostile(name: "no access token", error: nil, answer: json(#"{"token_type":"Bearer","id_token":"x"}"#)),
        Hostile(
            name: "a header in the token", error: nil,
            answer: json(#"{"access_token":"a\r\nX: y","token_type":"Bearer"}"#)),
        Hostile(name: "a complaint about us", error: "server_error", answer: json(#"{"error":"invalid_client"}"#)),
        Hostile(
            name: "keys of a megabyte", path: "/jwks",
            answer: json("{\"keys\":[\"\(String(repeating: "x", count: 1 << 20))\"]}")),
        Hostile(
            name: "a redirect to our own network", path: "/jwks",
            answer: { _ in HTTPResponse(status: .found, fields: ["Location": "http://127.0.0.1:1/"]) }),
        Hostile(name: "no keys", path: "/jwks", answer: json(#"{"keys":[]}"#)),
        Hostile(
            name: "a discovery document of a megabyte", path: "/.well-known/openid-configuration",
            answer: json("{\"issuer\":\"\(String(repeating: "x", count: 1 << 20))\"}")),
    ]

    @Test("I07: a hostile answer ends one login within its bounds, and nothing else", arguments: hostile)
    func bounded(_ test: Hostile) async throws {
        let setting = try await ProviderSetting(providers: 2)
        setting.standIn.script { $0.answers[test.path] = test.answer }
        let before = ContinuousClock.now
        if test.path.hasPrefix("/.well-known") {
            let answer = await setting.browser.post("/login/corp", await setting.choices().form(decision: "allow"))
            #expect(answer.status == 503 && answer.location == nil)
        } else {
            let answer = try await setting.arrive()
            #expect(answer.locationParameters["error"] == test.error, "\(answer.status)")
            #expect(answer.locationParameters["code"] == nil)
            if test.error == nil { #expect(answer.status == 403 && answer.location == nil) }
        }
        #expect(ContinuousClock.now - before < .seconds(25))
        #expect(try await setting.accounts().isEmpty)
        let other = TestBrowser(setting.fixture)
        let location = try await setting.depart(other, to: "corp2")
        #expect(await other.get(try setting.standIns[1].signIn(location)).locationParameters["code"] != nil)
        await setting.stop()
    }

    @Test("I07: a drip of single bytes ends after ten seconds with temporarily_unavailable")
    func drip() async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script { script in
            script.answers["/token"] = Self.stream { writer in
                for _ in 0..<100 {
                    try await writer.write([0x20])
                    try await ProviderStandIn.group.loops[1].sleep(for: .milliseconds(500))
                }
            }
        }
        let target = try setting.standIn.signIn(try await setting.depart())
        let before = ContinuousClock.now
        let answer = await setting.browser.get(target)
        #expect(answer.locationParameters["error"] == "temporarily_unavailable")
        #expect(answer.locationParameters["state"] == "xyz")
        #expect((.seconds(5)...Duration.seconds(25)).contains(ContinuousClock.now - before))
        await setting.stop()
    }
}
