package import AsyncIO

/// Tells whoever waits while a request is answered that its client goes away.
///
/// The task of the connection is cancelled then too; but to wait with a handler of cancellation changes executors four times,
/// and this is on the path of every call. One waits at a time. Confined to the loop of the connection.
// SAFETY: used on `loop` only, which the users of it check before.
package final class ClientDeparture: @unchecked Sendable {
    /// The loop of the connection.
    package let loop: EventLoop
    /// Whether the client has gone, or the connection is cut.
    package private(set) var hasHappened = false
    private var waiting: (() -> Void)?

    init(on loop: EventLoop) { self.loop = loop }

    /// Calls `handler`, at most once, when the client goes away; with nil nobody any more.
    package func notify(_ handler: (() -> Void)?) {
        waiting = handler
    }

    func happen() {
        hasHappened = true
        waiting?()
        waiting = nil
    }
}
