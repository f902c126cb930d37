import AsyncIO
import MCP
import Telemetry

/// The counters of one server. Labels are its configured name and closed enums; all are made at start, so that counting
/// looks nothing up.
final class ServerMetrics: Sendable {
    /// From ten microseconds to a second.
    private static let ownTimes: [Double] = [
        0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1,
    ]
    /// From a second to a day.
    private static let lifetimes: [Double] = [1, 10, 60, 300, 900, 3600, 14_400, 43_200, 86_400]

    let sessions: Gauge
    let discardedLines: Counter
    private let refusals: Counter
    private let duration: Histogram
    private let ownDuration: Histogram
    private let begun: Counter
    private let lifetime: Histogram
    /// By the index of the outcome: each call counts here.
    private let calls: [MCPMethod: [Counter]]
    private let errors: [CallEnd: Counter]
    private let ends: [String: Counter]

    init(server: String, in registry: MetricsRegistry) {
        let labels: [(StaticString, String)] = [("server", server)]
        sessions = Self.sessions(of: server, in: registry)
        discardedLines = Self.discardedLines(of: server, in: registry)
        refusals = registry.counter(
            "sallyport_access_refusals_total", help: "Requests that the access policy refused.", labels: labels)
        duration = registry.histogram(
            "sallyport_call_duration_seconds", help: "Time from a call to its answer.", labels: labels)
        ownDuration = registry.histogram(
            "sallyport_gateway_duration_seconds",
            help: "The gateway's own part of that time: all but what the server had the request for.",
            labels: labels, bounds: Self.ownTimes)
        begun = registry.counter(
            "sallyport_sessions_begun_total", help: "Sessions that were begun with a server.", labels: labels)
        lifetime = registry.histogram(
            "sallyport_session_duration_seconds", help: "How long sessions lasted that have ended.", labels: labels,
            bounds: Self.lifetimes)
        calls = Self.calls(of: server, in: registry)
        errors = Self.errors(of: server, in: registry)
        ends = Self.ends(of: server, in: registry)
    }

    private static func calls(of server: String, in registry: MetricsRegistry) -> [MCPMethod: [Counter]] {
        var calls: [MCPMethod: [Counter]] = [:]
        for method in MCPMethod.allCases {
            calls[method] = CallEnd.Outcome.allCases.map { outcome in
                registry.counter(
                    "sallyport_calls_total", help: "Calls by method and how they ended.",
                    labels: [("server", server), ("method", method.rawValue), ("outcome", outcome.rawValue)])
            }
        }
        return calls
    }

    private static func errors(of server: String, in registry: MetricsRegistry) -> [CallEnd: Counter] {
        var errors: [CallEnd: Counter] = [:]
        for end in CallEnd.allCases where end != .answered {
            errors[end] = registry.counter(
                "sallyport_call_errors_total",
                help: "Calls that did not get what they asked for, by type of the error.",
                labels: [("server", server), ("type", end.rawValue)])
        }
        return errors
    }

    private static func ends(of server: String, in registry: MetricsRegistry) -> [String: Counter] {
        var ends: [String: Counter] = [:]
        for label in endLabels {
            ends[label] = registry.counter(
                "sallyport_session_ends_total", help: "Sessions that ended, by reason.",
                labels: [("server", server), ("reason", label)])
        }
        return ends
    }

    private static let endLabels: [String] = [
        SessionEnd.exited(.lost), .closedOutput, .closedInput, .garbage, .unresponsive, .slowStart, .unreachable,
        .connectionLost, .forgotten, .slowReader, .idle, .expired, .displaced, .deleted, .disconnected, .revoked,
        .reconfigured, .shutdown, .abandoned,
    ].map(\.label)

    /// Sessions that are there now.
    static func sessions(of server: String, in registry: MetricsRegistry) -> Gauge {
        registry.gauge("sallyport_sessions", help: "Sessions with a running server.", labels: [("server", server)])
    }

    /// Also for what belongs to no session.
    static func discardedLines(of server: String, in registry: MetricsRegistry) -> Counter {
        registry.counter(
            "sallyport_discarded_lines_total", help: "Lines of servers that were no use.", labels: [("server", server)])
    }

    func called(_ method: MCPMethod, _ end: CallEnd, _ timing: CallTiming) {
        calls[method]?[end.outcome.index].increment()
        if end != .answered { errors[end]?.increment() }
        duration.observe(timing.total)
        ownDuration.observe(timing.own)
    }

    func refused() { refusals.increment() }

    /// A session is there.
    func began() {
        sessions.add(1)
        begun.increment()
    }

    func ended(_ reason: SessionEnd, after time: Duration? = nil) {
        ends[reason.label]?.increment()
        if let time { lifetime.observe(time) }
    }
}
