/// SHA-256 of a secret that somebody will present: the only form in which a store sees codes, tokens, cookies and links.
package struct SecretDigest: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Wraps a digest, as a store reads it back.
    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// 64 lower-case hexadecimal digits: a name for what has none of its own. It opens nothing.
    var hexadecimal: String {
        bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
