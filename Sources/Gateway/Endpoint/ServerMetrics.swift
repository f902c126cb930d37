import AsyncIO
import MCP
import Telemetry

/// The counters of one server. Labels are its configured name and closed enums; all are made at start, so that counting
/// looks nothing up.
final class ServerMetrics: Sendable {
    let sessions: Gauge
    let discardedLines: Counter
    private let refusals: Counter
    private let duration: Histogram
    private let calls: [MCPMethod: [Counter]]
    private let ends: [String: Counter]

    init(server: String, in registry: MetricsRegistry) {
        sessions = registry.gauge(
            "sallyport_sessions", help: "Sessions with a running server.", labels: [("server", server)])
        discardedLines = Self.discardedLines(of: server, in: registry)
        refusals = registry.counter(
            "sallyport_access_refusals_total", help: "Requests that the access policy refused.",
            labels: [("server", server)])
        duration = registry.histogram(
            "sallyport_call_duration_seconds", help: "Time from a call to its answer.", labels: [("server", server)])
        var calls: [MCPMethod: [Counter]] = [:]
        for method in MCPMethod.allCases {
            calls[method] = CallEnd.counted.map { end in
                registry.counter(
                    "sallyport_calls_total", help: "Calls by method and how they ended.",
                    labels: [("server", server), ("method", method.rawValue), ("outcome", end.rawValue)])
            }
        }
        self.calls = calls
        var ends: [String: Counter] = [:]
        for label in Self.endLabels {
            ends[label] = registry.counter(
                "sallyport_session_ends_total", help: "Sessions that ended, by reason.",
                labels: [("server", server), ("reason", label)])
        }
        self.ends = ends
    }

    private static let endLabels: [String] = [
        SessionEnd.exited(.lost), .closedOutput, .closedInput, .garbage, .unresponsive, .slowStart, .unreachable,
        .connectionLost, .forgotten, .slowReader, .idle, .expired, .displaced, .deleted, .disconnected, .revoked,
        .reconfigured, .shutdown, .abandoned,
    ].map(\.label)

    /// Also for what belongs to no session.
    static func discardedLines(of server: String, in registry: MetricsRegistry) -> Counter {
        registry.counter(
            "sallyport_discarded_lines_total", help: "Lines of servers that were no use.", labels: [("server", server)])
    }

    func called(_ method: MCPMethod, _ end: CallEnd, _ time: Duration) {
        calls[method]?[end.index].increment()
        duration.observe(time)
    }

    func refused() { refusals.increment() }

    func ended(_ reason: SessionEnd) { ends[reason.label]?.increment() }
}

extension CallEnd {
    /// What we refuse and what the server refuses is one number; ours alone are `sallyport_access_refusals_total`.
    fileprivate static let counted: [CallEnd] = [.answered, .refused, .timedOut, .failed]

    fileprivate var index: Int {
        switch self {
        case .answered: 0
        case .refused, .denied: 1
        case .timedOut: 2
        case .failed: 3
        }
    }
}
