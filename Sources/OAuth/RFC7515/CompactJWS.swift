package import Crypto
package import JSON

/// Knows the keys whose signatures count. Answers from memory, on any thread.
package protocol VerificationKeySource: Sendable {
    /// The key of exactly this `kid`, compared as bytes; nil refuses the token.
    func verificationKey(id: [UInt8]) -> PublicKey?

    /// Whether there is one: asked for each request.
    func hasVerificationKey(id: [UInt8]) -> Bool
}

extension VerificationKeySource {
    package func hasVerificationKey(id: [UInt8]) -> Bool { verificationKey(id: id) != nil }
}

/// Why a token is not one of ours. For our log: the peer learns `invalid_token` and nothing else.
package enum JWSRejection: String, Error, Sendable {
    case tooLong, notThreeParts, notBase64URL, notJSON, unknownKey, wrongAlgorithm, wrongType, criticalExtension
    case notCanonical, badSignature
}

/// What a verified token says, and which key says so.
struct VerifiedJWS: Sendable {
    let payload: JSONDocument
    let keyID: [UInt8]
}

/// Signs and verifies the compact serialization (RFC 7515 §7.1), in the one way that RFC 8725 leaves safe: the key
/// decides the algorithm, the header may only agree with it, and nothing in the header can bring a key along.
package enum CompactJWS {
    static let maximumBytes = 16_384
    private static let maximumKeyIDBytes = 64

    /// Signs `payload`. `type` goes into `typ` (RFC 8725 §3.11).
    package static func sign(
        _ payload: [UInt8], type: String, keyID: String, key: PrivateKey
    ) throws(CryptoError) -> String {
        let header: JSONValue = [
            "alg": .string(key.algorithm.rawValue), "typ": .string(type), "kid": .string(keyID),
        ]
        let signed = Base64URL.encode(header.serialized()) + "." + Base64URL.encode(payload)
        return signed + "." + Base64URL.encode(try key.sign(Array(signed.utf8)))
    }

    /// The payload of `token` where it is a JWS of this type that this project signed with a key of `keys`.
    package static func verify(
        _ token: [UInt8], type: StaticString, keys: some VerificationKeySource
    ) throws(JWSRejection) -> JSONDocument {
        try open(token, type: type, keys: keys).payload
    }

    /// The same, with the key's id.
    static func open(
        _ token: [UInt8], type: StaticString, keys: some VerificationKeySource
    ) throws(JWSRejection) -> VerifiedJWS {
        guard token.count <= maximumBytes else { throw .tooLong }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty, !parts[2].isEmpty else { throw .notThreeParts }
        guard let headerBytes = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .notBase64URL }
        let header = try object(headerBytes).root
        let (keyID, key) = try key(header, keys)
        try check(header, key, type)
        guard key.isCanonical(signature) else { throw .notCanonical }
        guard key.verify(signature, over: Array(token[..<parts[1].endIndex])) else { throw .badSignature }
        // Verified first, read afterwards: nothing unsigned steers the parser's caller.
        return VerifiedJWS(payload: try object(payload), keyID: keyID)
    }

    private static func key(
        _ header: JSONNode, _ keys: some VerificationKeySource
    ) throws(JWSRejection) -> (id: [UInt8], key: PublicKey) {
        guard let id = header["kid"]?.stringBytes, (1...maximumKeyIDBytes).contains(id.count),
            let key = keys.verificationKey(id: id)
        else { throw .unknownKey }
        return (id, key)
    }

    private static func check(_ header: JSONNode, _ key: PublicKey, _ type: StaticString) throws(JWSRejection) {
        guard let algorithm = header["alg"]?.stringBytes, algorithm.elementsEqual(key.algorithm.rawValue.utf8) else {
            throw .wrongAlgorithm
        }
        // No extension is understood, so each one that must be is a refusal (RFC 7515 §4.1.11); `b64` and `zip`
        // change what the payload means without having to say so there.
        guard header["crit"] == nil, header["b64"] == nil, header["zip"] == nil, header["enc"] == nil else {
            throw .criticalExtension
        }
        guard var actual = header["typ"]?.stringBytes?.map(AbsoluteURI.lowercased) else { throw .wrongType }
        let prefix = Array("application/".utf8)
        if actual.starts(with: prefix) { actual.removeFirst(prefix.count) }
        guard actual.elementsEqual(type.description.utf8) else { throw .wrongType }
    }

    static func object(_ bytes: [UInt8]) throws(JWSRejection) -> JSONDocument {
        do {
            let document = try JSONDocument(parsing: bytes, limits: JSONLimits(maximumDepth: 8))
            guard document.root.isObject else { throw JWSRejection.notJSON }
            return document
        } catch {
            throw .notJSON
        }
    }
}
