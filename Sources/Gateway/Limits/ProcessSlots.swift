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

/// How many processes run in all, and how many sessions there are per server and per user (P05). One lock, taken when a session begins and ends.
final class ProcessSlots: Sendable {
    private struct State {
        var total = 0
        var servers: [String: Int] = [:]
        var users: [UserID: Int] = [:]
    }

    private let limits: GatewayLimits
    private let state = Mutex(State())

    init(_ limits: GatewayLimits) {
        self.limits = limits
    }

    /// Takes a place.
    func take(_ server: ServerDefinition, for user: UserID) throws(SpawnRefusal) {
        let refusal: SpawnRefusal? = state.withLock { state in
            guard state.users[user, default: 0] < limits.sessionsPerUser else { return .userLimit }
            guard server.remote != nil || state.total < limits.sessions,
                state.servers[server.name, default: 0] < server.maximumSessions
            else {
                return .capacity
            }
            if server.remote == nil { state.total += 1 }
            state.servers[server.name, default: 0] += 1
            state.users[user, default: 0] += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Gives a place back, when the process and all its descendants are gone.
    func giveBack(_ server: ServerDefinition, of user: UserID) {
        state.withLock { state in
            if server.remote == nil { state.total -= 1 }
            Self.decrement(&state.servers, server.name)
            Self.decrement(&state.users, user)
        }
    }

    /// How many run.
    var total: Int { state.withLock { $0.total } }

    private static func decrement<Key: Hashable>(_ counts: inout [Key: Int], _ key: Key) {
        let count = counts[key, default: 0] - 1
        counts[key] = count > 0 ? count : nil
    }
}
