/// Why a request of our own has no answer. Equality is on the code.
package struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// The policy forbids this scheme or address; nothing was sent.
        case refused
        /// Too much is under way, or the peer is known to be away; nothing was sent, later it may work.
        case busy
        case unresolved, connectFailed, tlsFailed, timeout, tooLarge, invalidResponse, disconnected, cancelled
    }

    package let code: Code
    /// For our log; never for a peer.
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { detail.isEmpty ? code.rawValue : "\(code.rawValue): \(detail)" }

    package static func == (left: HTTPClientError, right: HTTPClientError) -> Bool { left.code == right.code }
}
