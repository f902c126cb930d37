import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Modules about codes, refresh tokens and the credentials of clients.
@Suite struct TokenModules {
    // OIDCCAuthCodeReuse: RFC 6749 §4.1.2 and §5.2.
    @Test("oidcc-codereuse: a code that was used is invalid_grant")
    func codeReuse() async throws {
        let run = try await OIDFModule()
        let code = try run.code(in: await run.authorize(run.fixture.authorizeTarget(run.client)))
        try await run.tokens(in: await run.redeem(code))
        try run.expectTokenError(await run.redeem(code), "invalid_grant")
    }

    // OIDCCAuthCodeReuseAfter30Seconds: a warning there, a failure here.
    @Test("oidcc-codereuse-30seconds: and 30 seconds later the tokens of that code end with it")
    func codeReuseAfter30Seconds() async throws {
        let run = try await OIDFModule()
        let code = try run.code(in: await run.authorize(run.fixture.authorizeTarget(run.client)))
        let tokens = try await run.tokens(in: await run.redeem(code))
        run.fixture.clock.advance(by: .seconds(30))
        try await run.fixture.service.prepare()
        #expect(await run.fixture.accepts(tokens.access))
        try run.expectTokenError(await run.redeem(code), "invalid_grant")
        #expect(await !run.fixture.accepts(tokens.access))
        try run.expectTokenError(await run.fixture.refresh(tokens.refresh, run.client), "invalid_grant")
    }

    // OIDCCRefreshToken: works, and is bound to its client.
    @Test("oidcc-refresh-token: a refresh token works for its client and for no other")
    func refreshToken() async throws {
        let run = try await OIDFModule()
        let metadata = try await run.fixture.send(.get, "/.well-known/openid-configuration").json()
        #expect(metadata["grant_types_supported"]?.elements.compactMap(\.string).contains("refresh_token") == true)
        let code = try run.code(in: await run.authorize(run.fixture.authorizeTarget(run.client)))
        let first = try await run.tokens(in: await run.redeem(code))
        let second = try await run.tokens(in: await run.fixture.refresh(first.refresh, run.client))
        #expect(first.access != second.access)
        let other = try await run.fixture.registerClient(method: "client_secret_basic", name: "Second Client")
        try run.expectTokenError(await run.fixture.refresh(second.refresh, other), "invalid_grant")
        try await run.tokens(in: await run.fixture.refresh(second.refresh, run.client))
    }

    // OIDCCEnsureClientAssertionWithIssAudSucceeds: `aud` is the issuer.
    @Test(
        "oidcc-ensure-client-assertion-with-iss-aud-succeeds: an assertion whose audience is the issuer authenticates")
    func clientAssertion() async throws {
        let run = try await OIDFModule()
        let asserting = try await AssertingClient.register(run.fixture)
        let client = Fixture.TestClient(id: asserting.id, secret: nil, redirect: Fixture.redirect)
        let code = try run.code(in: await run.authorize(run.fixture.authorizeTarget(client)))
        let issuer = try #require(
            try await run.fixture.send(.get, "/.well-known/openid-configuration").member("issuer"))
        func redeem(audience: String, id: String) async throws -> Answer {
            let assertion = try asserting.assertion(id: id, audience: audience, at: run.fixture.clock.now)
            return await run.fixture.redeem(
                code, client, changing: ["client_id": nil],
                adding: [("client_assertion_type", ClientAssertion.type), ("client_assertion", assertion)])
        }
        #expect(try await redeem(audience: "https://other.test", id: "1").status == 401)
        try await run.tokens(in: try await redeem(audience: issuer, id: "2"))
    }
}
