internal import COpenSSL

/// Bytes that must not leave by accident: not printable, not comparable, not encodable, zeroed when released.
///
/// `Purpose` keeps the kinds apart at compile time.
package struct Secret<Purpose>: Sendable {
    private let storage: SecretStorage

    /// Copies `bytes`; the caller's copy is the caller's to forget.
    package init(_ bytes: [UInt8]) {
        storage = SecretStorage(bytes)
    }

    /// The number of bytes.
    package var count: Int { unsafe storage.bytes.count }

    /// Lends the bytes to `body`, which must not keep them: what is kept is not zeroed.
    package func withBytes<Result>(_ body: ([UInt8]) throws -> Result) rethrows -> Result {
        try unsafe body(storage.bytes)
    }

    /// Whether `candidate` is the secret, in constant time.
    package func matches(_ candidate: [UInt8]) -> Bool { unsafe ConstantTime.equals(storage.bytes, candidate) }
}

extension Secret: Equatable {
    /// Whether both are the same, in constant time.
    package static func == (left: Secret, right: Secret) -> Bool { right.withBytes { left.matches($0) } }
}

extension Secret: CustomReflectable, CustomDebugStringConvertible {
    /// Printing, dumping and debugging show nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }
    package var debugDescription: String { "Secret" }
}

@safe final class SecretStorage: Sendable {
    // SAFETY: written in init and deinit only, when nobody else can hold a reference (`secretsAreZeroedOnRelease`).
    private(set) nonisolated(unsafe) var bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        // A buffer of our own: one that is shared with the caller would be copied when it is zeroed, and stay.
        unsafe self.bytes = [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
            (_, count) = unsafe buffer.initialize(from: bytes)
        }
    }

    deinit { wipe() }

    /// Zeroes the bytes in place, in a way that the optimizer keeps.
    func wipe() {
        unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}
