import AsyncIO
package import Telemetry

/// How one of the configured servers is.
package struct ServerHealth: Sendable, Equatable {
    /// The same in a word.
    package enum State: String, Sendable {
        /// Nobody uses it; it is started when somebody does.
        case idle
        /// It has sessions, or processes that wait for one.
        case running
        /// Its starts keep failing; somebody who comes makes another attempt.
        case failing
        /// It is elsewhere and does not answer; for a while it is not asked.
        case away
    }

    package let name: String
    package let state: State
    package let sessions: Int
    /// Nil for a server elsewhere.
    package let processes: Int?
    /// Since when it fails; nil while it does not.
    package let since: Timestamp?
    /// The last failure: a word of a closed set.
    package let reason: String?

    /// Whether whoever wants to use it now is out of luck.
    package var isUnavailable: Bool { state == .failing || state == .away }
}

extension Gateway {
    /// How every configured server is, in the order of the configuration.
    package var health: [ServerHealth] {
        branches.prefix(configuration.servers.count).map { $0.health(at: configuration.clock.now()) }
    }

    /// Servers of which nobody gets anything now.
    package var unavailableServers: [String] { health.filter(\.isUnavailable).map(\.name) }
}

extension GatewayBranch {
    fileprivate func health(at now: Timestamp) -> ServerHealth {
        let sessions = supervisor.metrics.sessions.value
        let processes = processes?.value
        func made(_ state: ServerHealth.State, _ since: Timestamp? = nil, _ reason: String? = nil) -> ServerHealth {
            ServerHealth(
                name: supervisor.server.name, state: state, sessions: sessions, processes: processes, since: since,
                reason: reason)
        }
        if let (since, reason) = circuit?.trouble {
            return made(.away, now - (EventLoop.preciseNow - since), reason)
        }
        if let trouble = starts.trouble { return made(.failing, trouble.since, trouble.reason) }
        return made(sessions > 0 || processes ?? 0 > 0 ? .running : .idle)
    }
}
