/// SHA-256 of a secret that somebody will present: the only form in which a store sees codes, tokens, cookies and links.
package struct SecretDigest: Sendable, Hashable {
    /// 32 bytes.
    package let bytes: [UInt8]

    /// Wraps a digest, as a store reads it back.
    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}
