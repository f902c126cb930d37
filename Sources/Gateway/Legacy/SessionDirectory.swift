import OAuth
import Synchronization

/// The sessions that can be found by their ids. A lock, because a client's connections may be on any loop; the section
/// is one look-up.
final class SessionDirectory: Sendable {
    private struct State {
        var sessions: [SessionID: LegacySession] = [:]
        var isDraining = false
    }

    private let state = Mutex(State())

    /// The session with this id, if it is this principal's with this server: everything else looks the same (M01, M08).
    /// Each way to speak finds its own sessions.
    func session(
        _ id: SessionID, of principal: Principal, at server: String, client: LegacySession.ClientKind = .streamableHTTP
    ) -> LegacySession? {
        guard let session = state.withLock({ $0.sessions[id] }), session.principal == principal,
            session.server.name == server, session.client == client
        else { return nil }
        return session
    }

    func contains(_ session: LegacySession) -> Bool {
        state.withLock { $0.sessions[session.id] != nil }
    }

    func insert(_ session: LegacySession) {
        state.withLock { $0.sessions[session.id] = session }
    }

    func remove(_ session: LegacySession) {
        state.withLock { _ = $0.sessions.removeValue(forKey: session.id) }
    }

    /// No session begins any more.
    func startDraining() {
        state.withLock { $0.isDraining = true }
    }

    var isDraining: Bool { state.withLock { $0.isDraining } }
    var all: [LegacySession] { state.withLock { Array($0.sessions.values) } }
    var count: Int { state.withLock { $0.sessions.count } }
}
