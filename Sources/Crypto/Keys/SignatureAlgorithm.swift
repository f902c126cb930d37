/// The signature algorithms this project knows (RFC 7518 §3.1, RFC 8037 §3.1). A key has exactly one: the key decides
/// the algorithm, a message never does (RFC 8725 §3.1).
package enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
}

/// The public numbers of a key, big-endian, as a JSON Web Key carries them.
package enum PublicKeyParameters: Sendable, Hashable {
    /// RFC 7518 §6.3.1.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// RFC 7518 §6.2.1 on P-256; 32 bytes each.
    case p256(x: [UInt8], y: [UInt8])
    /// RFC 8037 §2; 32 bytes.
    case ed25519(x: [UInt8])
}
