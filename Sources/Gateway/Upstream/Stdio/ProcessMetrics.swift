import Synchronization
import Telemetry

/// Counts the processes of one server.
struct ProcessMetrics: Sendable {
    fileprivate let running: Gauge
    fileprivate let started: Counter
    fileprivate let ended: Counter

    init(server: String, in registry: MetricsRegistry) {
        let labels: [(StaticString, String)] = [("server", server)]
        running = Self.running(of: server, in: registry)
        started = registry.counter(
            "sallyport_process_starts_total", help: "Processes of servers that were started.", labels: labels)
        ended = registry.counter(
            "sallyport_process_ends_total", help: "Processes of servers that are gone, with all their descendants.",
            labels: labels)
    }

    /// How many run.
    static func running(of server: String, in registry: MetricsRegistry) -> Gauge {
        registry.gauge(
            "sallyport_processes", help: "Processes of servers that run or are being stopped.",
            labels: [("server", server)])
    }
}

/// A process that is counted for as long as somebody owns it.
final class ProcessPresence: Sendable {
    private let metrics: ProcessMetrics
    private let isCounted = Atomic<Bool>(false)

    init(_ metrics: ProcessMetrics) {
        self.metrics = metrics
    }

    /// It runs.
    func begin() {
        guard !isCounted.exchange(true, ordering: .relaxed) else { return }
        metrics.started.increment()
        metrics.running.add(1)
    }

    deinit {
        guard isCounted.load(ordering: .relaxed) else { return }
        metrics.ended.increment()
        metrics.running.add(-1)
    }
}
