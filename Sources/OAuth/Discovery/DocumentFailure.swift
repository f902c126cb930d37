/// Why a document of another server cannot be used. Equality is on the code.
package struct DocumentFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the caller can act on.
    package enum Code: Sendable, Hashable {
        /// The server cannot be reached, is too slow, or says that it is overloaded; later may work.
        case unavailable
        /// It answered with this status, which is no success.
        case status(Int)
        /// What it sent is not such a document, or breaks a limit.
        case malformed
        /// It is such a document, and names something that must not be believed.
        case untrusted
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

    /// Whether trying again later may work.
    package var isTemporary: Bool {
        switch code {
        case .unavailable: true
        case .status(let status): status == 408 || status == 429 || status >= 500
        case .malformed, .untrusted: false
        }
    }

    package var description: String { detail }

    package static func == (left: DocumentFailure, right: DocumentFailure) -> Bool { left.code == right.code }
}
