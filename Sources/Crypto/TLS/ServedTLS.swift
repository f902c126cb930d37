import Synchronization

/// What a listener shows to those who connect now: replaced while it serves, for connections from then on.
///
/// A `Mutex` because all loops take it, once for each connection.
package final class ServedTLS: Sendable {
    private struct State {
        var context: TLSContext
        var challenge: TLSContext?
    }

    private let state: Mutex<State>

    /// Shows `context` first.
    package init(_ context: TLSContext) {
        state = Mutex(State(context: context))
    }

    /// What counts now.
    package var current: TLSContext { state.withLock { $0.context } }

    /// Shows `context` from now on; connections that were begun keep what they have.
    package func replace(with context: TLSContext) {
        state.withLock { $0.context = context }
    }

    /// What validators of a certificate authority are shown; nil for nobody.
    var challenge: TLSContext? { state.withLock { $0.challenge } }

    /// Shows `context` to validators from now on, and nothing with nil.
    package func challenge(with context: TLSContext?) {
        state.withLock { $0.challenge = context }
    }
}
