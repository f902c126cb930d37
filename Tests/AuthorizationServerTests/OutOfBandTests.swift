import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// `urn:ietf:wg:oauth:2.0:oob`.
@Suite struct OutOfBandTests {
    static let uri = "urn:ietf:wg:oauth:2.0:oob"

    @Test("A14: the out-of-band address is refused unless the operator allows it")
    func refused() async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: "{\"redirect_uris\":[\"\(OutOfBandTests.uri)\"]}")
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_redirect_uri")
    }

    @Test("the code is shown on a page, and works")
    func page() async throws {
        let fixture = try await Fixture { $0.allowsOutOfBand = true }
        let client = try await fixture.registerClient(redirects: [OutOfBandTests.uri], method: "client_secret_post")
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let consent = await browser.follow(await browser.get(fixture.authorizeTarget(client)))
        #expect(consent.text.contains("a code is shown that you copy"))
        let shown = await browser.post("/consent", consent.form(decision: "allow"))
        #expect(shown.status == 200)
        #expect(shown.location == nil)
        #expect(shown.header("cache-control") == "no-store")
        #expect(shown.header("x-frame-options") == "DENY")
        let start = try #require(shown.text.range(of: "<code id=\"code\">"))
        let code = String(shown.text[start.upperBound...].prefix { $0 != "<" })
        #expect(code.hasPrefix("sp_code_"))
        #expect(await fixture.redeem(code, client).status == 200)
        let second = await browser.follow(
            await browser.get(fixture.authorizeTarget(client, adding: [("prompt", "consent")])))
        let denied = await browser.post("/consent", second.form(decision: "deny"))
        #expect(denied.status == 200 && denied.location == nil)
        #expect(denied.text.contains("There is no code"))
    }

    @Test(
        "A01: twins of the out-of-band address are not it",
        arguments: [
            "urn:ietf:wg:oauth:2.0:oob:auto", "URN:ietf:wg:oauth:2.0:oob", "urn:ietf:wg:oauth:2.0:oob#x", "urn:x",
        ])
    func twins(uri: String) async throws {
        let fixture = try await Fixture { $0.allowsOutOfBand = true }
        let client = try await fixture.registerClient(redirects: [OutOfBandTests.uri])
        let page = await fixture.send(.get, fixture.authorizeTarget(client, changing: ["redirect_uri": uri]))
        #expect(page.status == 400 && page.location == nil)
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: "{\"redirect_uris\":[\"\(uri)\"]}")
        #expect(answer.status == 400)
    }
}
