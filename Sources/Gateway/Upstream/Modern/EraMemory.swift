import Synchronization

/// Which era a server speaks, as far as its connections have found out (d3). One for each server, for as long as the gateway
/// runs; a connection that finds otherwise corrects it. A lock: connections are on any loop.
final class EraMemory: Sendable {
    /// What a connection begins with.
    enum Opening: Sendable, Hashable {
        /// The client's `initialize`: what a legacy server must hear first, and a modern one answers with an error.
        case handshake
        /// `server/discover`.
        case discovery
    }

    private struct State {
        var opening: Opening
        var isKnown = false
        /// How often in a row a server of a known era did not answer.
        var failures = 0
    }

    /// How often a legacy server may fail before that counts as a contradiction: servers fail for reasons of their own too.
    private static let maximumFailures = 3

    private let state: Mutex<State>

    init(_ era: ServerEra) {
        state = Mutex(State(opening: era == .modern ? .discovery : .handshake))
    }

    /// What the next connection is to begin with.
    var opening: Opening { state.withLock { $0.opening } }

    /// A server answered: `opening` is what it understands.
    func learned(_ opening: Opening) { state.withLock { $0 = State(opening: opening, isKnown: true) } }

    /// A server answered that it does not understand `server/discover` after all: the next connection looks again.
    func contradicted() { state.withLock { $0 = State(opening: .handshake) } }

    /// A server ended, or said nothing, before it answered to `opening`. Perhaps it was spoken to in the wrong way: the next
    /// connection begins otherwise.
    func unanswered(_ opening: Opening) {
        state.withLock { state in
            guard state.opening == opening else { return }
            state.failures += 1
            switch (opening, state.isKnown) {
            case (.handshake, true) where state.failures < Self.maximumFailures: return
            case (.handshake, _): state = State(opening: .discovery)
            case (.discovery, _): state = State(opening: .handshake)
            }
        }
    }
}
