internal import COpenSSL

/// The operating system's randomness, through OpenSSL's generator.
package enum Random {
    /// `count` unpredictable bytes.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = unsafe bytes.withUnsafeMutableBufferPointer { unsafe RAND_bytes($0.baseAddress, Int32($0.count)) }
        // Without randomness nothing this program hands out could be trusted, so it must not go on.
        precondition(count == 0 || result == 1, "the system has no randomness")
        return bytes
    }

    /// `prefix` and 256 random bits in base64url. The prefix names the kind, so that a leaked token is recognised.
    package static func token(_ prefix: String) -> String { prefix + Base64URL.encode(bytes(32)) }
}
