internal import COpenSSL

/// Why TLS could not be set up or went wrong. The text is for our own log.
package struct TLSError: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// `what`, with what OpenSSL queued on this thread; drains the queue.
    static func fromLibrary(_ what: String) -> TLSError {
        let number = ERR_peek_last_error()
        ERR_clear_error()
        guard number != 0, let reason = unsafe ERR_reason_error_string(number) else { return TLSError(what) }
        return unsafe TLSError("\(what): \(String(cString: reason))")
    }
}
