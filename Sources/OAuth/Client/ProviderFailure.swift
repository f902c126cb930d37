/// Why another authorization server did not tell us who somebody is. Equality is on the code.
package struct ProviderFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the caller can act on.
    package enum Code: String, Sendable {
        /// It cannot be reached, is too slow or overloaded. Says nothing about the user.
        case unavailable
        /// It took back what it gave: the code or the refresh token is not good any more.
        case rejected
        /// It does not accept us: our registration there is wrong. Says nothing about the user.
        case misconfigured
        /// What it sent cannot be believed (I03, I04, I06).
        case untrusted
        /// It knows the user, who has not what a login needs.
        case insufficient
    }

    /// What the caller can act on.
    package let code: Code
    /// For our log; never for a peer.
    package let detail: String

    /// Creates a failure.
    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    /// A document that could not be had. Garbage counts as an outage: it says nothing about the user, and whoever sent it
    /// may have recovered in a minute (F14, I07). What is readable and a lie stays a lie.
    package init(_ failure: DocumentFailure) {
        self.init(failure.code == .untrusted ? .untrusted : .unavailable, failure.detail)
    }

    package var description: String { "\(code.rawValue): \(detail)" }

    package static func == (left: ProviderFailure, right: ProviderFailure) -> Bool { left.code == right.code }
}
