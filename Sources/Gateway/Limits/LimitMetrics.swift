import Telemetry

/// Counts how often a limit of the gateway refused something. `rate_limits` count for themselves.
struct LimitMetrics: Sendable {
    /// Words of the configuration's `limits`.
    enum Limit: String, CaseIterable {
        case sessions
        case sessionsPerUser = "sessions_per_user"
        /// Calls of one principal in flight.
        case calls
        /// Streams of one principal.
        case streams
        /// Starts of a server that keep failing.
        case starts
    }

    private let counters: [Limit: Counter]

    init(in registry: MetricsRegistry) {
        counters = Dictionary(
            uniqueKeysWithValues: Limit.allCases.map { limit in
                // The authorization server has others in this family.
                let counter = registry.counter(
                    "sallyport_limits_reached_total",
                    help: "Times that something was refused because of a limit, by limit.",
                    labels: [("limit", limit.rawValue)])
                return (limit, counter)
            })
    }

    func reached(_ limit: Limit) { counters[limit]?.increment() }

    /// Counts what kept a session from beginning, where that was a limit.
    func refused(_ refusal: SpawnRefusal) {
        switch refusal {
        case .capacity: reached(.sessions)
        case .userLimit: reached(.sessionsPerUser)
        case .backingOff: reached(.starts)
        case .draining, .forbidden: break
        }
    }
}
