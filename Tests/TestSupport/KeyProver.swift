package import Crypto
import Foundation
package import JSON
package import Telemetry

/// A client that proves possession of a key (RFC 9449 §4.2), or does it wrong in one way.
package struct KeyProver: Sendable {
    package let key: PrivateKey
    private let parameters: PublicKeyParameters

    package init(_ algorithm: SignatureAlgorithm = .es256) throws {
        key = try PrivateKey.generate(algorithm)
        parameters = try key.publicKey().parameters
    }

    /// What stands in a good proof; `nil` in `claims` or `header` removes a member, another value replaces it.
    package func proof(
        _ method: String, _ address: String, accessToken: String? = nil, id: String = UUID().uuidString,
        at now: Timestamp, claims: [String: JSONValue?] = [:], header: [String: JSONValue?] = [:]
    ) throws -> String {
        var payload: [String: JSONValue?] = [
            "jti": .string(id), "htm": .string(method), "htu": .string(address), "iat": .integer(now.seconds),
        ]
        if let accessToken {
            payload["ath"] = .string(Base64URL.encode(SHA256.digest(Array(accessToken.utf8)).bytes))
        }
        let head: [String: JSONValue?] = [
            "typ": "dpop+jwt", "alg": .string(key.algorithm.rawValue), "jwk": .object(publicMembers),
        ]
        let signed =
            Self.encoded(head.merging(header) { $1 }) + "." + Self.encoded(payload.merging(claims) { $1 })
        return signed + "." + Base64URL.encode(try key.sign(Array(signed.utf8)))
    }

    /// The key as a JWK.
    package var publicMembers: [JSONValue.Member] {
        switch parameters {
        case .rsa(let modulus, let exponent):
            [
                .init("e", .string(Base64URL.encode(exponent))), .init("kty", "RSA"),
                .init("n", .string(Base64URL.encode(modulus))),
            ]
        case .p256(let x, let y):
            [
                .init("crv", "P-256"), .init("kty", "EC"), .init("x", .string(Base64URL.encode(x))),
                .init("y", .string(Base64URL.encode(y))),
            ]
        case .ed25519(let x):
            [.init("crv", "Ed25519"), .init("kty", "OKP"), .init("x", .string(Base64URL.encode(x)))]
        }
    }

    /// `jkt`: RFC 7638 over the members, which stand in their order.
    package var thumbprint: String {
        Base64URL.encode(SHA256.digest(JSONValue.object(publicMembers).serialized()).bytes)
    }

    private static func encoded(_ members: [String: JSONValue?]) -> String {
        let present = members.compactMap { name, value in value.map { JSONValue.Member(name, $0) } }
        return Base64URL.encode(JSONValue.object(present).serialized())
    }
}
