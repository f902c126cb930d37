import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Modules that expect the authorization endpoint to refuse.
@Suite struct RefusalModules {
    // OIDCCResponseTypeMissing: RFC 6749 §3.1.1.
    @Test("oidcc-response-type-missing: invalid_request at the client, or a page")
    func responseTypeMissing() async throws {
        let run = try await OIDFModule()
        let target = run.fixture.authorizeTarget(run.client, changing: ["response_type": nil])
        // Nobody has allowed this client anything: it is shown.
        let shown = await run.browser.get(target)
        #expect(shown.status == 400 && shown.location == nil)
        #expect(shown.text.contains("error=invalid_request"))
        // Once somebody has, the client is told.
        try await run.approve()
        let told = await run.browser.get(target)
        #expect(told.location?.hasPrefix(run.client.redirect + "?") == true)
        #expect(told.locationParameters["error"] == "invalid_request")
        #expect(told.locationParameters["state"] == "xyz")
        #expect(told.locationParameters["code"] == nil)
    }

    // OIDCCEnsureRegisteredRedirectUri.
    @Test("oidcc-ensure-registered-redirect-uri: an address that was not registered gets a page and no answer")
    func registeredRedirectURI() async throws {
        let run = try await OIDFModule()
        let random = run.client.redirect + "/" + Base64URL.encode(Random.bytes(8))
        run.expectErrorPage(
            await run.browser.get(run.fixture.authorizeTarget(run.client, changing: ["redirect_uri": random])))
    }

    // OIDCCEnsureRedirectUriInAuthorizationRequest.
    @Test("oidcc-ensure-redirect-uri-in-authorization-request: with two registered, none is a page")
    func redirectURIMissing() async throws {
        let run = try await OIDFModule(redirects: [Fixture.redirect, "https://app.test/cb"])
        run.expectErrorPage(
            await run.browser.get(run.fixture.authorizeTarget(run.client, changing: ["redirect_uri": nil])))
    }

    // OIDCCRedirectUriQueryMismatch.
    @Test("oidcc-redirect-uri-query-mismatch: another query than the registered one is a page")
    func redirectURIQueryMismatch() async throws {
        let run = try await OIDFModule(redirects: ["https://app.test/cb?dummy1=lorem&dummy2=ipsum"])
        for other in ["?dummy1=lorem", "?dummy2=ipsum&dummy1=lorem", "?foo=bar", ""] {
            run.expectErrorPage(
                await run.browser.get(
                    run.fixture.authorizeTarget(run.client, changing: ["redirect_uri": "https://app.test/cb" + other])))
        }
    }

    // OIDCCRedirectUriQueryAdded.
    @Test("oidcc-redirect-uri-query-added: a query beside the registered address is a page")
    func redirectURIQueryAdded() async throws {
        let run = try await OIDFModule()
        let added = run.client.redirect + "?dummy1=lorem&dummy2=ipsum"
        run.expectErrorPage(
            await run.browser.get(run.fixture.authorizeTarget(run.client, changing: ["redirect_uri": added])))
    }

    // OIDCCRequestUriUnsignedSupportedCorrectlyOrRejectedAsUnsupported: the module wants the error at the client, of servers
    // that offer unsigned objects. This one does not, and sends nobody anywhere (A17).
    @Test("A17, oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported: a page, for everybody")
    func requestURI() async throws {
        let run = try await OIDFModule()
        try await run.approve()
        let answer = await run.browser.get(
            run.fixture.authorizeTarget(run.client, changing: ["request_uri": "https://app.test/request.jwt"]))
        run.expectErrorPage(answer)
        let metadata = try await run.fixture.send(.get, "/.well-known/openid-configuration").json()
        #expect(metadata["request_uri_parameter_supported"]?.boolean != true, "metadata must not promise it")
    }

    // OIDCCUnsignedRequestObjectSupportedCorrectlyOrRejectedAsUnsupported: ignoring it would not do.
    @Test(
        "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported: request_not_supported, never ignored"
    )
    func requestObject() async throws {
        let run = try await OIDFModule()
        try await run.approve()
        let answer = await run.browser.get(
            run.fixture.authorizeTarget(run.client, changing: ["request": try Self.unsigned(["state": "other"])]))
        #expect(answer.locationParameters["error"] == "request_not_supported")
        #expect(answer.locationParameters["state"] == "xyz")
        #expect(answer.locationParameters["code"] == nil)
        let metadata = try await run.fixture.send(.get, "/.well-known/openid-configuration").json()
        #expect(metadata["request_parameter_supported"]?.boolean != true)
    }

    // OIDCCEnsureRequestObjectWithRedirectUri: the address outside is wrong, and a good one inside must not save it.
    @Test("oidcc-ensure-request-object-with-redirect-uri: a good address inside does not excuse a bad one outside")
    func requestObjectWithRedirectURI() async throws {
        let run = try await OIDFModule()
        try await run.approve()
        let object = try Self.unsigned(["redirect_uri": run.client.redirect, "client_id": run.client.id])
        run.expectErrorPage(
            await run.browser.get(
                run.fixture.authorizeTarget(
                    run.client, changing: ["request": object, "redirect_uri": "https://app.test/invalid"])))
    }

    private static func unsigned(_ claims: [String: String]) throws -> String {
        let body = try JSONSerialization.data(withJSONObject: claims)
        return [Data(#"{"alg":"none"}"#.utf8), body].map { Base64URL.encode([UInt8]($0)) }.joined(separator: ".") + "."
    }
}
