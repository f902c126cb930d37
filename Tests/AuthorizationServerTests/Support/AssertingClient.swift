import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Telemetry
import Testing

/// A client that authenticates by `private_key_jwt`.
struct AssertingClient {
    let id: String
    let key: PrivateKey

    /// Registers one with a fresh key.
    static func register(
        _ fixture: Fixture, grants: [String] = ["authorization_code"]
    ) async throws -> AssertingClient {
        let key = try PrivateKey.generate(.es256)
        let set = String(decoding: JSONWebKeySet(keys: [JSONWebKey(try key.publicKey())]).json(), as: UTF8.self)
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"private_key_jwt","jwks":\(set),
                "grant_types":["\(grants.joined(separator: "\",\""))"]}
                """)
        try #require(answer.status == 201, "\(answer.text)")
        return AssertingClient(id: try #require(try answer.member("client_id")), key: key)
    }

    /// An assertion for the fixture's issuer, good for a minute.
    func assertion(
        id: String, subject: String? = nil, audience: String = "http://localhost:8080", at now: Timestamp
    ) throws -> String {
        let subject = subject ?? self.id
        let claims: JSONValue = [
            "iss": .string(subject), "sub": .string(subject), "aud": .string(audience), "jti": .string(id),
            "iat": .integer(now.seconds), "exp": .integer(now.seconds + 60),
        ]
        return try CompactJWS.sign(
            claims.serialized(), type: "client-authentication+jwt", keyID: JSONWebKey(try key.publicKey()).id, key: key)
    }

    /// Calls an endpoint with it.
    func post(
        _ fixture: Fixture, _ path: String, _ assertion: String, adding: [(String, String)] = []
    ) async -> Answer {
        await fixture.send(
            .post, path,
            form: [
                ("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x"),
                ("client_assertion_type", ClientAssertion.type), ("client_assertion", assertion),
            ] + adding)
    }
}
