import AsyncIO
import MCP
import Synchronization

/// Which eras a server speaks, as far as its connections have found out (d3). One for each server, for as long as the gateway
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
        /// For legacy clients.
        var opening: Opening
        var isKnown = false
        /// How often in a row a server of a known era did not answer.
        var failures = 0
        /// Until when modern clients do not ask for the modern era: the server has it not.
        var isLegacyUntil: LoopInstant?
    }

    /// How often a legacy server may fail before that counts as a contradiction: servers fail for reasons of their own too.
    private static let maximumFailures = 3
    /// After which a server that answered that it is not modern is asked again: it may be another one by now.
    private static let doubt = Duration.seconds(600)

    private let state: Mutex<State>

    init(_ era: ServerEra) {
        state = Mutex(State(opening: era == .modern ? .discovery : .handshake))
    }

    /// What the next connection for a client of `era` is to begin with.
    func opening(for era: Era = .legacy, at now: LoopInstant) -> Opening {
        state.withLock { state in
            guard era == .modern, state.opening == .handshake else { return state.opening }
            return state.isLegacyUntil.map { now < $0 } == true ? .handshake : .discovery
        }
    }

    /// A server answered: `opening` is what it understands.
    func learned(_ opening: Opening) {
        state.withLock { state in
            state.opening = opening
            state.isKnown = true
            state.failures = 0
            if opening == .discovery { state.isLegacyUntil = nil }
        }
    }

    /// A server answered that it does not understand `server/discover` after all: the next connection looks again.
    func contradicted() {
        state.withLock { $0 = State(opening: .handshake, isLegacyUntil: $0.isLegacyUntil) }
    }

    /// A server spoke the modern era with a modern client; what it would say to a handshake nobody asked.
    func foundModern() { state.withLock { $0.isLegacyUntil = nil } }

    /// A server shook hands after it had been asked for the modern era.
    func foundLegacy(at now: LoopInstant) { state.withLock { $0.isLegacyUntil = now + Self.doubt } }

    /// A server ended when it was asked for the modern era, or said nothing: it is not asked so again.
    func sufferedFromDiscovery() { state.withLock { $0.isLegacyUntil = LoopInstant(nanoseconds: .max) } }

    /// A server ended, or said nothing, before it answered to `opening`. Perhaps it was spoken to in the wrong way: the next
    /// connection begins otherwise.
    func unanswered(_ opening: Opening) {
        state.withLock { state in
            guard state.opening == opening else { return }
            state.failures += 1
            switch (opening, state.isKnown) {
            case (.handshake, true) where state.failures < Self.maximumFailures: return
            case (.handshake, _): state = State(opening: .discovery, isLegacyUntil: state.isLegacyUntil)
            case (.discovery, _): state = State(opening: .handshake, isLegacyUntil: state.isLegacyUntil)
            }
        }
    }
}
