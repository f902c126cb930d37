import HTTP

/// Why there is no new certificate (RFC 8555).
struct ACMEFailure: Error, CustomStringConvertible {
    enum Kind: Equatable {
        /// The server cannot be reached, or the answer never came whole.
        case wire
        /// The server said no, with the last part of its problem type (§6.7).
        case refused(String)
        /// What the server said is not the protocol, or not what was asked for.
        case unexpected
        /// A step took longer than it may.
        case tooSlow
        /// On our side.
        case local
    }

    let kind: Kind
    /// For our log.
    let description: String
    /// When the server wants to be asked again; nil when it did not say.
    var retryAfter: Duration?

    init(_ kind: Kind, _ description: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.description = description
        self.retryAfter = retryAfter
    }
}
