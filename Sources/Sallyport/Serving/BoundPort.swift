import Synchronization

/// The port that was bound, once it is: `listen` may have left the choice to the system. An atomic, because every loop may ask.
final class BoundPort: Sendable {
    private let port = Atomic<Int>(0)

    /// Nil until it is known.
    var current: Int? {
        let port = port.load(ordering: .relaxed)
        return port == 0 ? nil : port
    }

    /// Says which it is.
    func note(_ port: Int) { self.port.store(port, ordering: .relaxed) }
}
