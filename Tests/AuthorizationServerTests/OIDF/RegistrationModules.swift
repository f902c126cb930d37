import AuthorizationServer
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Modules about dynamic registration.
@Suite struct RegistrationModules {
    // OIDCCRedirectUriRegFrag.
    @Test("oidcc-redirect-uri-regfrag: a redirect URI with a fragment is not registered")
    func fragment() async throws {
        let fixture = try await Fixture()
        let answer = await Self.register(fixture, ["redirect_uris": ["https://app.test/cb#foobar"]])
        #expect(answer.status == 400)
        #expect(answer.header("content-type")?.hasPrefix("application/json") == true)
        #expect(try answer.member("error") == "invalid_redirect_uri")
    }

    // OIDCCRegistrationLogoUri wants to see the logo. Here a page loads nothing from a stranger (U03): the logo is registered,
    // not fetched and not shown, and the flow goes on.
    @Test("oidcc-registration-logo-uri: a logo is registered, and the page loads nothing")
    func logo() async throws {
        let (answer, page) = try await Self.page(of: "logo_uri", "https://app.test/logo.png")
        #expect(try answer.member("logo_uri") == "https://app.test/logo.png")
        #expect(!page.text.contains("<img") && !page.text.contains("logo.png"))
        #expect(page.header("content-security-policy")?.contains("img-src") == false)
    }

    // OIDCCRegistrationPolicyUri.
    @Test("oidcc-registration-policy-uri: the page links to the client's policy")
    func policy() async throws {
        let (answer, page) = try await Self.page(of: "policy_uri", "https://app.test/policy?a=1&b=2")
        #expect(try answer.member("policy_uri") == "https://app.test/policy?a=1&b=2")
        #expect(page.text.contains(#"<a href="https://app.test/policy?a=1&amp;b=2""#))
        #expect(page.text.contains("noreferrer"))
    }

    // OIDCCRegistrationTosUri.
    @Test("oidcc-registration-tos-uri: the page links to the client's terms")
    func terms() async throws {
        let (answer, page) = try await Self.page(of: "tos_uri", "https://app.test/terms")
        #expect(try answer.member("tos_uri") == "https://app.test/terms")
        #expect(page.text.contains(#"<a href="https://app.test/terms""#))
    }

    @Test(
        "U03: a policy that is no web address is not registered",
        arguments: ["javascript:alert(1)", "data:text/html,x"])
    func hostilePolicy(address: String) async throws {
        let fixture = try await Fixture()
        for member in ["policy_uri", "tos_uri"] {
            let answer = await Self.register(fixture, ["redirect_uris": [Fixture.redirect], member: address])
            #expect(answer.status == 400)
            #expect(try answer.member("error") == "invalid_client_metadata")
        }
    }

    private static func register(_ fixture: Fixture, _ metadata: [String: Any]) async -> Answer {
        let body = (try? JSONSerialization.data(withJSONObject: metadata)) ?? Data()
        return await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: String(decoding: body, as: UTF8.self))
    }

    /// Registers a client with one more member; returns the answer and the consent page.
    private static func page(of member: String, _ value: String) async throws -> (answer: Answer, page: Answer) {
        let fixture = try await Fixture()
        let answer = await register(
            fixture,
            [
                "redirect_uris": [Fixture.redirect], "token_endpoint_auth_method": "none", "client_name": "T",
                member: value,
            ])
        #expect(answer.status == 201, "\(answer.text)")
        let client = Fixture.TestClient(
            id: try #require(try answer.member("client_id")), secret: nil, redirect: Fixture.redirect)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let page = await browser.follow(await browser.get(fixture.authorizeTarget(client)))
        #expect(page.status == 200)
        return (answer, page)
    }
}
