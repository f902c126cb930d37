package import Crypto
package import JSON

/// The public half of a signing key as JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
package struct JSONWebKey: Sendable, Hashable {
    package let key: PublicKey
    /// `kid`: the key's thumbprint where we made it.
    package let id: String

    /// A key under its thumbprint (RFC 7638).
    package init(_ key: PublicKey) {
        self.key = key
        id = Self.thumbprint(of: key.parameters)
    }

    /// A key under the name that its owner gave it.
    init(_ key: PublicKey, id: String) {
        self.key = key
        self.id = id
    }

    /// The SHA-256 thumbprint of RFC 7638 §3, in base64url.
    package var thumbprint: String { Self.thumbprint(of: key.parameters) }

    private static func thumbprint(of parameters: PublicKeyParameters) -> String {
        // §3.2: the required members in lexicographic order.
        let value: JSONValue =
            switch parameters {
            case .rsa(let modulus, let exponent):
                [
                    "e": .string(Base64URL.encode(exponent)), "kty": "RSA",
                    "n": .string(Base64URL.encode(modulus)),
                ]
            case .p256(let x, let y):
                [
                    "crv": "P-256", "kty": "EC", "x": .string(Base64URL.encode(x)),
                    "y": .string(Base64URL.encode(y)),
                ]
            case .ed25519(let x): ["crv": "Ed25519", "kty": "OKP", "x": .string(Base64URL.encode(x))]
            }
        return Base64URL.encode(SHA256.digest(value.serialized()).bytes)
    }

    /// The members for a key set.
    package func json() -> JSONValue {
        var members: [JSONValue.Member] =
            switch key.parameters {
            case .rsa(let modulus, let exponent):
                [
                    .init("kty", "RSA"), .init("n", .string(Base64URL.encode(modulus))),
                    .init("e", .string(Base64URL.encode(exponent))),
                ]
            case .p256(let x, let y):
                [
                    .init("kty", "EC"), .init("crv", "P-256"), .init("x", .string(Base64URL.encode(x))),
                    .init("y", .string(Base64URL.encode(y))),
                ]
            case .ed25519(let x):
                [.init("kty", "OKP"), .init("crv", "Ed25519"), .init("x", .string(Base64URL.encode(x)))]
            }
        members += [
            .init("use", "sig"), .init("alg", .string(key.algorithm.rawValue)), .init("kid", .string(id)),
        ]
        return .object(members)
    }
}

/// RFC 7517 §5.
package struct JSONWebKeySet: Sendable, Hashable {
    package var keys: [JSONWebKey]

    package init(keys: [JSONWebKey]) {
        self.keys = keys
    }

    /// The document.
    package func json() -> [UInt8] {
        let value: JSONValue = ["keys": .array(keys.map { $0.json() })]
        return value.serialized()
    }
}
