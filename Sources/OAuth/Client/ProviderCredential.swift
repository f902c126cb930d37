package import Crypto
import HTTP
import JSON
import Telemetry

/// What only we know at another authorization server.
package enum ProviderCredential: Sendable {
    /// Names the secrets of this kind.
    package enum Purpose {}

    /// A public client: PKCE alone.
    case none
    /// `client_secret`.
    case secret(Secret<Purpose>)
    /// `private_key_jwt` (RFC 7523 §2.2): nothing secret travels.
    case privateKey(PrivateKey, id: String)

    /// A secret as it was configured.
    package static func secret(_ text: String) -> ProviderCredential { .secret(Secret(Array(text.utf8))) }

    /// Adds the proof to a token request, in the way that the server supports.
    func prove(
        client: String, tokenEndpoint: HTTPURL, methods: [String], at now: Timestamp, form: inout [(String, String)],
        fields: inout HTTPFields
    ) throws(ProviderFailure) {
        switch self {
        case .none: form.append(("client_id", client))
        case .secret(let secret):
            let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
            if methods.contains("client_secret_basic") || !methods.contains("client_secret_post") {
                fields.append("Authorization", "Basic " + Self.basic(client, text))
            } else {
                form += [("client_id", client), ("client_secret", text)]
            }
        case .privateKey(let key, let id):
            form += [
                ("client_id", client), ("client_assertion_type", ClientAssertion.type),
                ("client_assertion", try Self.assertion(client, tokenEndpoint, key, id, at: now)),
            ]
        }
    }

    // RFC 6749 §2.3.1: both parts form-encoded.
    private static func basic(_ client: String, _ secret: String) -> String {
        let encoded = [client, secret].map(PercentEncoding.encoded)
        return Base64.encode(encoded.joined(separator: ":").utf8)
    }

    private static func assertion(
        _ client: String, _ endpoint: HTTPURL, _ key: PrivateKey, _ id: String, at now: Timestamp
    ) throws(ProviderFailure) -> String {
        let claims: JSONValue = [
            "iss": .string(client), "sub": .string(client), "aud": .string(endpoint.text),
            "jti": .string(Random.token("")), "iat": .integer(now.seconds), "exp": .integer(now.seconds + 60),
        ]
        do throws(CryptoError) {
            return try CompactJWS.sign(claims.serialized(), type: "JWT", keyID: id, key: key)
        } catch {
            throw ProviderFailure(.misconfigured, "the client assertion cannot be signed: \(error)")
        }
    }
}
