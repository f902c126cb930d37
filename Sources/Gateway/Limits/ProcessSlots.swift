import OAuth
import Synchronization

/// Why a process may not be started now.
enum SpawnRefusal: Error, Sendable, Hashable {
    /// The user has as many as one user may have: 429.
    case userLimit
    /// The server, or all together, have as many as may run: 503.
    case capacity
    /// The server failed to start lately; the seconds until the next attempt: 503.
    case backingOff(seconds: Int)
    /// The gateway is being stopped: 503.
    case draining
    /// The access policy has nothing of this server for them; the scopes that would: 403.
    case forbidden([String])
}

/// How many processes run in all, and how many sessions there are per server and per user (P05). One lock, taken when a
/// session or a process begins and ends.
///
/// A process that stands ready for a session (``WarmPool``) has a place in all and with its server, and none with a user until
/// a session gets it. One that sessions share has one place in all, however many of them there are.
final class ProcessSlots: Sendable {
    private struct State {
        var total = 0
        var servers: [String: Int] = [:]
        var users: [UserID: Int] = [:]
        /// Places of processes that no session has yet.
        var spares: [String: Int] = [:]
    }

    private let limits: GatewayLimits
    private let state = Mutex(State())

    init(_ limits: GatewayLimits) {
        self.limits = limits
    }

    /// Takes the place of a session; that of a process that stands ready, where one does.
    func take(_ server: ServerDefinition, for user: UserID) throws(SpawnRefusal) {
        let refusal: SpawnRefusal? = state.withLock { state in
            guard state.users[user, default: 0] < limits.sessionsPerUser else { return .userLimit }
            if state.spares[server.name, default: 0] > 0 {
                Self.decrement(&state.spares, server.name)
            } else {
                guard !server.isProcessPerSession || state.total < limits.sessions,
                    state.servers[server.name, default: 0] < server.maximumSessions
                else { return .capacity }
                if server.isProcessPerSession { state.total += 1 }
                state.servers[server.name, default: 0] += 1
            }
            state.users[user, default: 0] += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Gives a place back, when the process and all its descendants are gone.
    func giveBack(_ server: ServerDefinition, of user: UserID) {
        state.withLock { state in
            if server.isProcessPerSession { state.total -= 1 }
            Self.decrement(&state.servers, server.name)
            Self.decrement(&state.users, user)
        }
    }

    /// Takes the place of a process that is to stand ready; false where there is none to spare: some of all places are left
    /// for sessions.
    func takeSpare(_ server: ServerDefinition) -> Bool {
        state.withLock { state in
            guard state.total < limits.sessions - limits.sessions / 8,
                state.servers[server.name, default: 0] < server.maximumSessions
            else { return false }
            state.total += 1
            state.servers[server.name, default: 0] += 1
            state.spares[server.name, default: 0] += 1
            return true
        }
    }

    /// Gives it back, when the process is gone and no session got it. Where a session has its place meanwhile, that one keeps
    /// it.
    func giveBackSpare(_ server: ServerDefinition) {
        state.withLock { state in
            guard state.spares[server.name, default: 0] > 0 else { return }
            Self.decrement(&state.spares, server.name)
            state.total -= 1
            Self.decrement(&state.servers, server.name)
        }
    }

    /// Takes the place of a process that sessions share; false where there is none.
    func takeShared() -> Bool {
        state.withLock { state in
            guard state.total < limits.sessions else { return false }
            state.total += 1
            return true
        }
    }

    /// Gives it back, when the process is gone.
    func giveBackShared() { state.withLock { $0.total -= 1 } }

    /// Whether `server` may have one more session.
    func hasRoom(_ server: ServerDefinition) -> Bool {
        state.withLock { $0.servers[server.name, default: 0] < server.maximumSessions }
    }

    /// How many run.
    var total: Int { state.withLock { $0.total } }

    private static func decrement<Key: Hashable>(_ counts: inout [Key: Int], _ key: Key) {
        let count = counts[key, default: 0] - 1
        counts[key] = count > 0 ? count : nil
    }
}

extension ServerDefinition {
    /// Whether each of its sessions has a process.
    var isProcessPerSession: Bool { remote == nil && isolation == .session }
}
