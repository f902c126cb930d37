import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Testing

/// Modules about keys that a client publishes at an address of its own.
@Suite struct ClientKeyModules {
    private static let address = "https://client.test/keys.json"

    private static func publish(_ keys: [PrivateKey], _ web: PublishedDocuments) throws {
        let set = JSONWebKeySet(keys: try keys.map { JSONWebKey(try $0.publicKey()) })
        web.publish(String(decoding: set.json(), as: UTF8.self), at: address)
    }

    private static func proof(_ client: AssertingClient, _ run: OIDFModule, _ id: String) throws -> [(String, String)] {
        [
            ("client_assertion_type", ClientAssertion.type),
            ("client_assertion", try client.assertion(id: id, at: run.fixture.clock.now)),
        ]
    }

    // OIDCCRegistrationJwksUri and RefreshTokenRPKeyRotation: RFC 7591 §2, RFC 7523 §3.
    @Test(
        "oidcc-registration-jwks-uri, oidcc-refresh-token-rp-key-rotation: a client changes the keys at its address between a code and a refresh"
    )
    func rotation() async throws {
        let web = PublishedDocuments()
        let run = try await OIDFModule(documents: web)
        let (old, new) = (try PrivateKey.generate(.rs256), try PrivateKey.generate(.es256))
        try Self.publish([old], web)
        let answer = await run.fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"private_key_jwt",
                 "jwks_uri":"\(Self.address)","grant_types":["authorization_code","refresh_token"]}
                """)
        #expect(answer.status == 201, "\(answer.text)")
        #expect(try answer.member("jwks_uri") == Self.address)
        let id = try #require(try answer.member("client_id"))
        let client = Fixture.TestClient(id: id, secret: nil, redirect: Fixture.redirect)
        let (before, after) = (AssertingClient(id: id, key: old), AssertingClient(id: id, key: new))

        let code = try run.code(in: await run.authorize(run.fixture.authorizeTarget(client)))
        let first = try await run.tokens(
            in: await run.fixture.redeem(
                code, client, changing: ["client_id": nil], adding: try Self.proof(before, run, "1")))

        try Self.publish([new], web)
        run.fixture.clock.advance(by: .seconds(61))
        try await run.fixture.service.prepare()
        let second = try await run.tokens(
            in: await run.fixture.refresh(
                first.refresh, client, changing: ["client_id": nil], adding: try Self.proof(after, run, "2")))
        #expect(first.access != second.access)
        let stale = await run.fixture.refresh(
            second.refresh, client, changing: ["client_id": nil], adding: try Self.proof(before, run, "3"))
        #expect(stale.status == 401 && stale.text.contains("invalid_client"), "the old key is gone")
    }
}
