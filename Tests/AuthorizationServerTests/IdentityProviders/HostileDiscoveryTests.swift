import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import TestSupport
import Testing

/// Providers whose discovery document points where nobody should go. What a canary sees decides.
@Suite(.timeLimit(.minutes(2))) struct HostileDiscoveryTests {
    @Test(
        "I06: a hostile discovery document sends nobody anywhere",
        arguments: [
            ("authorization_endpoint", "javascript:alert(1)"), ("authorization_endpoint", "https://evil.test/$(id)"),
            ("token_endpoint", "http://169.254.169.254/latest"), ("jwks_uri", "file:///etc/passwd"),
            ("issuer", "https://evil.test"),
        ])
    func nowhere(_ name: String, _ value: String) async throws {
        let setting = try await ProviderSetting()
        setting.standIn.script { $0.discovery[name] = .string(value) }
        let answer = await setting.browser.post("/login/corp", await setting.choices().form(decision: "allow"))
        #expect(answer.status == 502 && answer.location == nil)
        #expect(!answer.text.contains("evil") && !answer.text.contains("javascript"))
        await setting.stop()
    }

    /// Ways to name a listener on this machine; the provider itself is `http://127.0.0.1` at another port.
    static let places = [
        "http://127.0.0.1:PORT/x", "https://127.0.0.1:PORT/x", "http://localhost:PORT/x", "https://localhost:PORT/x",
        "http://127.0.0.2:PORT/x", "http://[::1]:PORT/x", "https://[::1]:PORT/x", "https://[::ffff:127.0.0.1]:PORT/x",
        "https://0.0.0.0:PORT/x",
    ]

    @Test(
        "I06: no endpoint of a document reaches a listener inside, by whatever name", arguments: places,
        ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
    func canary(place: String, member: String) async throws {
        let canary = try CanaryServer()
        let setting = try await ProviderSetting()
        let address = place.replacingOccurrences(of: "PORT", with: "\(canary.port)")
        setting.standIn.script { $0.discovery[member] = .string(address) }
        // Either the document is refused, and nobody is sent to the provider, or the answer of the provider comes to nothing.
        let answer = await setting.browser.post("/login/corp", await setting.choices().form(decision: "allow"))
        if let location = answer.location {
            let end = await setting.browser.get(try setting.standIn.signIn(location))
            #expect(end.locationParameters["code"] == nil, "\(end.status)")
        } else {
            #expect(answer.status == 502)
        }
        #expect(canary.accepted == 0, "\(address) was reached")
        #expect(try await setting.accounts().isEmpty)
        _ = try PlainConnection(port: canary.port)
        try await eventuallyTrue("the canary to see a connection") { canary.accepted == 1 }
        await setting.stop()
    }

    @Test("I06: no redirect is followed, with or without the code", arguments: ["/token", "/jwks"], [302, 307, 308])
    func redirect(path: String, status: Int) async throws {
        let canary = try CanaryServer()
        let setting = try await ProviderSetting()
        let target = "http://127.0.0.1:\(canary.port)/x"
        setting.standIn.script { script in
            script.answers[path] = { _ in HTTPResponse(status: HTTPStatus(status), fields: ["Location": target]) }
        }
        let answer = try await setting.arrive()
        #expect(answer.locationParameters["code"] == nil && canary.accepted == 0)
        await setting.stop()
    }

    @Test("I06: a document that turns hostile does not replace the good one, and logins go on with the old keys")
    func turnsHostile() async throws {
        let setting = try await ProviderSetting()
        _ = try await setting.tokens(setting.freshBrowser)
        setting.standIn.script { script in
            script.discovery["token_endpoint"] = .string("http://169.254.169.254/latest")
            script.answers["/jwks"] = { _ in .json(.ok, Array(#"{"keys":[]}"#.utf8)) }
        }
        for _ in 0..<2 {
            setting.clock.advance(by: .seconds(2 * 3600))
            _ = try await setting.tokens(setting.freshBrowser)
        }
        let log = setting.standIn.log
        #expect(log.filter { $0.contains("openid-configuration") }.count >= 2, "it was asked again")
        #expect(log.filter { $0.contains("/jwks") }.count >= 2, "and so was the key set")
        await setting.stop()
    }
}
