import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Modules that expect a flow to succeed.
@Suite struct FlowModules {
    // OIDCCServerTest.
    @Test("a1, oidcc-server: the code flow of a registered client ends in tokens that work")
    func serverTest() async throws {
        let run = try await OIDFModule()
        let first = try run.code(in: await run.authorize(run.fixture.authorizeTarget(run.client)))
        try await run.tokens(in: await run.redeem(first))
        let second = try run.code(in: await run.authorize(run.fixture.authorizeTarget(run.client)))
        #expect(first != second)
    }

    // OIDCCServerTestClientSecretPost.
    @Test("a1, oidcc-server-client-secret-post: the secret in the body authenticates the client")
    func clientSecretPost() async throws {
        let run = try await OIDFModule(method: "client_secret_post")
        let metadata = try await run.fixture.send(.get, "/.well-known/openid-configuration").json()
        let methods = metadata["token_endpoint_auth_methods_supported"]?.elements.compactMap(\.string) ?? []
        #expect(methods.contains("client_secret_post"))
        let code = try run.code(in: await run.authorize(run.fixture.authorizeTarget(run.client)))
        #expect(await run.redeem(code, changing: ["client_secret": "wrong"]).status == 401)
        try await run.tokens(in: await run.redeem(code))
    }

    // OIDCCAlternateHappyFlow: RFC 6749 §3.3, the order of scopes does not matter, nor that of parameters.
    @Test("oidcc-alternate-happy-flow: scopes and parameters in another order mean the same")
    func alternateHappyFlow() async throws {
        let run = try await OIDFModule()
        let names = [
            "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
            "resource",
        ]
        var scopes: [Set<Substring>] = []
        for (order, scope) in [(names, "a:read a:write"), (names.reversed(), "a:write a:read")] {
            let target = try run.target(ordered: order, changing: ["scope": scope])
            let answer = await run.redeem(try run.code(in: await run.authorize(target)))
            try await run.tokens(in: answer)
            scopes.append(Set(try #require(try answer.member("scope")).split(separator: " ")))
        }
        #expect(scopes == [["a:read", "a:write"], ["a:read", "a:write"]])
    }

    // OIDCCEnsureRequestWithUnknownParameterSucceeds: RFC 6749 §3.1.
    @Test("oidcc-ensure-request-with-unknown-parameter-succeeds: extra=foobar is ignored")
    func unknownParameter() async throws {
        let run = try await OIDFModule()
        let target = run.fixture.authorizeTarget(run.client, adding: [("extra", "foobar")])
        let answer = await run.authorize(target)
        try await run.tokens(in: await run.redeem(try run.code(in: answer)))
        #expect(answer.locationParameters["extra"] == nil)
    }

    // OIDCCEnsurePostRequestSucceeds.
    @Test("oidcc-ensure-post-request-succeeds: the authorization request as a form")
    func postRequest() async throws {
        let run = try await OIDFModule()
        let items = try #require(URLComponents(string: run.fixture.authorizeTarget(run.client))?.queryItems)
        let form = Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, _ in first }
        let page = await run.browser.follow(await run.browser.post("/authorize", form, from: "https://app.test"))
        // SameSite=Lax keeps the session cookie at home when another site posts: then the user signs in again.
        #expect(page.status == 200 || page.status == 303)
        let answer =
            page.form(decision: "allow").isEmpty
            ? page : await run.browser.post("/consent", page.form(decision: "allow"))
        try await run.tokens(in: await run.redeem(try run.code(in: answer)))
    }

    // OIDCCEnsureRequestWithValidPkceSucceeds: RFC 7636 §4.5.
    @Test(
        "oidcc-ensure-request-with-valid-pkce-succeeds: S256 with a verifier of any permitted length",
        arguments: [43, 128])
    func validPKCE(length: Int) async throws {
        let run = try await OIDFModule()
        let verifier = String((0..<length).map { _ in "abcXYZ019-._~".randomElement() ?? "a" })
        let target = run.fixture.authorizeTarget(run.client, changing: ["code_challenge": Fixture.challenge(verifier)])
        let code = try run.code(in: await run.authorize(target))
        try await run.tokens(in: await run.redeem(code, changing: ["code_verifier": verifier]))
    }

    // OIDCCRedirectUriQueryOK.
    @Test("oidcc-redirect-uri-query-OK: a registered redirect URI keeps its query")
    func redirectURIWithQuery() async throws {
        let run = try await OIDFModule(redirects: ["https://app.test/cb?dummy1=lorem&dummy2=ipsum"])
        let answer = await run.authorize(run.fixture.authorizeTarget(run.client))
        #expect(answer.locationParameters["dummy1"] == "lorem" && answer.locationParameters["dummy2"] == "ipsum")
        try await run.tokens(in: await run.redeem(try run.code(in: answer)))
    }
}
