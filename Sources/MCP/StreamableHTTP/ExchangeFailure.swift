package import HTTP

/// Why a message got no answer from the server.
package struct ExchangeFailure: Error, Sendable {
    /// What happened, for whoever decides what it means.
    package enum Cause: Sendable, Equatable {
        /// The server cannot be reached, or the connection broke before the head of an answer.
        case transport(HTTPClientError.Code)
        /// The answer is an error and holds no message.
        case status(Int)
        /// The answer broke off.
        case cut
        /// The answer is no message.
        case unreadable
        /// The server has ended the session, and no other could be begun.
        case sessionEnded
        /// There is nothing to present to the server.
        case noCredential
    }

    package let cause: Cause
    /// In words. May name the server's address, so not for everybody.
    package let reason: String

    init(_ cause: Cause, _ reason: String) {
        self.cause = cause
        self.reason = reason
    }
}

extension ExchangeFailure.Cause {
    /// Whether the server said that it does not know what it was sent: 400, 404, 405 and their like. Those that refuse
    /// whoever asks, or ask for patience, say nothing about that (d4).
    package var isNotUnderstood: Bool {
        guard case .status(let code) = self else { return false }
        return (400...499).contains(code) && ![401, 403, 407, 408, 421, 425, 429].contains(code)
    }
}
