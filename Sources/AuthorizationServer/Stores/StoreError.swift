/// Why a store could not answer. Expected outcomes (`.reused`, `.unknown` …) are return values, never errors.
///
/// Whoever receives one fails closed: no token is issued and none is accepted.
package struct StoreError: Error, Sendable {
    /// What a caller can act on.
    package enum Code: Sendable, Hashable {
        /// The backend cannot be reached or did not answer in time; trying again later may work.
        case unavailable
        /// The backend refused the write for lack of room.
        case full
        /// What was stored cannot be read back as what it should be.
        case corrupt
    }

    /// The machine's view of the failure.
    package let code: Code
    /// For our own log; never sent to a peer.
    package let detail: String

    /// Creates an error at a backend's edge.
    package init(_ code: Code, detail: String) {
        self.code = code
        self.detail = detail
    }
}
