package import Crypto
package import JSON

/// A compact JWS that somebody else signed (RFC 7515 §7.1), taken apart and not yet believed.
///
/// Its keys are fetched, registered or configured; nothing in the header can bring one along. The key decides the
/// algorithm and the header may only agree with it (RFC 8725 §3.1).
package struct UnverifiedJWS: Sendable {
    /// The protected header.
    package let header: JSONNode
    private let payload: [UInt8]
    private let signature: [UInt8]
    private let signed: [UInt8]

    /// Takes a token apart. Extensions that would change the meaning of the payload are refused here.
    package init(_ token: [UInt8]) throws(JWSRejection) {
        guard token.count <= CompactJWS.maximumBytes else { throw .tooLong }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { throw .notThreeParts }
        guard let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .notBase64URL }
        self.header = try CompactJWS.object(header).root
        for name in ["crit", "b64", "zip", "enc"] where self.header[name] != nil { throw .criticalExtension }
        if let keyID = self.header["kid"], keyID.kind != .string { throw .unknownKey }
        self.payload = payload
        self.signature = signature
        signed = Array(token[..<parts[1].endIndex])
    }

    /// `typ` in lower case and without `application/` (RFC 7515 §4.1.9); nil when there is none.
    package var type: String? {
        guard let member = header["typ"] else { return nil }
        // A type that is no text is none that anybody accepts.
        var bytes = member.stringBytes?.map(AbsoluteURI.lowercased) ?? [0]
        let prefix = Array("application/".utf8)
        if bytes.starts(with: prefix) { bytes.removeFirst(prefix.count) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `alg`, where it is one that this project knows.
    package var algorithm: SignatureAlgorithm? { header["alg"]?.string.flatMap(SignatureAlgorithm.init(rawValue:)) }

    /// `kid`.
    package var keyID: [UInt8]? { header["kid"]?.stringBytes }

    /// The claims before anybody has vouched for them: only to learn whose keys to ask.
    package func unverifiedClaims() throws(JWSRejection) -> JSONNode {
        try CompactJWS.object(payload).root
    }

    /// The claims, where one of `keys` signed them.
    package func verified(by keys: [JSONWebKey]) throws(JWSRejection) -> JSONNode {
        guard !keys.isEmpty else { throw .unknownKey }
        guard let algorithm else { throw .wrongAlgorithm }
        let fitting = keys.filter { $0.key.algorithm == algorithm }
        guard !fitting.isEmpty else { throw .wrongAlgorithm }
        guard fitting.contains(where: { $0.key.verify(signature, over: signed) }) else { throw .badSignature }
        return try CompactJWS.object(payload).root
    }
}
