internal import COpenSSL

/// A SHA-256 digest: 32 bytes.
package struct Digest: Sendable, Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Wraps 32 bytes; nil for any other count.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        for (position, byte) in bytes.enumerated() {
            switch position >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
        }
        self.words = words
    }

    fileprivate init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// The 32 bytes.
    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    /// 64 lower-case hexadecimal digits.
    package var hexadecimal: String {
        bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// FIPS 180-4.
package enum SHA256 {
    /// The digest of `bytes`.
    package static func digest(_ bytes: [UInt8]) -> Digest { digest(bytes[...]) }

    /// The digest of `bytes`.
    package static func digest(_ bytes: ArraySlice<UInt8>) -> Digest { digest(bytes.span) }

    /// The digest of `bytes`.
    package static func digest(_ bytes: Span<UInt8>) -> Digest {
        var words = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        let result = unsafe withUnsafeMutableBytes(of: &words) { output in
            unsafe bytes.withUnsafeBufferPointer { input in
                unsafe EVP_Digest(
                    input.baseAddress, input.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil,
                    SHA256Algorithm.shared.pointer, nil)
            }
        }
        // Going on with a digest of zeros would make all texts the same.
        precondition(result == 1, "SHA-256 is not available in this OpenSSL")
        return Digest(words: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian))
    }
}

/// OpenSSL's SHA-256, looked up once: by name it costs half as much as the digest of a token.
@safe private final class SHA256Algorithm: Sendable {
    static let shared = SHA256Algorithm()

    // SAFETY: set once, kept for the life of the process, and constant to OpenSSL (`digestsAgreeOnAllThreads`).
    nonisolated(unsafe) let pointer: OpaquePointer?

    private init() { unsafe pointer = EVP_MD_fetch(nil, "SHA256", nil) }
}

/// RFC 2104 with SHA-256.
package enum HMACSHA256 {
    /// The 32-byte code over `message`.
    package static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        let result = unsafe code.withUnsafeMutableBufferPointer { output in
            unsafe message.withUnsafeBufferPointer { input in
                unsafe key.withUnsafeBytes { key in
                    unsafe HMAC(
                        EVP_sha256(), key.baseAddress, Int32(key.count), input.baseAddress, input.count,
                        output.baseAddress, &length) != nil
                }
            }
        }
        precondition(result && length == 32, "HMAC-SHA-256 is not available in this OpenSSL")
        return code
    }

    /// The code over `message` under a secret key.
    package static func authenticate<Purpose>(_ message: [UInt8], key: Secret<Purpose>) -> [UInt8] {
        key.withBytes { authenticate(message, key: $0) }
    }
}
