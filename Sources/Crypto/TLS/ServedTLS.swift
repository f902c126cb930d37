import Synchronization

/// What a listener shows to those who connect now: replaced while it serves, for connections from then on.
///
/// A `Mutex` because all loops take it, once for each connection.
package final class ServedTLS: Sendable {
    private let held: Mutex<TLSContext>

    /// Shows `context` first.
    package init(_ context: TLSContext) {
        held = Mutex(context)
    }

    /// What counts now.
    package var current: TLSContext { held.withLock { $0 } }

    /// Shows `context` from now on; connections that were begun keep what they have.
    package func replace(with context: TLSContext) {
        held.withLock { $0 = context }
    }
}
