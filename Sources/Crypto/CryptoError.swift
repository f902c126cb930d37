internal import COpenSSL

/// A cryptographic operation that could not be done: wrong input, or a failing library.
package struct CryptoError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case invalidKey, invalidHash, operationFailed, randomnessUnavailable
    }

    package let code: Code
    /// For our log; never for a peer.
    package let detail: String

    package var description: String { detail.isEmpty ? code.rawValue : "\(code.rawValue): \(detail)" }

    package static func == (left: CryptoError, right: CryptoError) -> Bool { left.code == right.code }

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// An error with what OpenSSL queued on this thread; drains the queue.
    static func fromLibrary(_ code: Code) -> CryptoError {
        let number = ERR_peek_last_error()
        ERR_clear_error()
        guard number != 0, let reason = unsafe ERR_reason_error_string(number) else { return CryptoError(code, "") }
        return unsafe CryptoError(code, String(cString: reason))
    }
}
