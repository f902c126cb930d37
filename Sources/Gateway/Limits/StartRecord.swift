import Synchronization
import Telemetry

/// Whether a server starts when it is asked to: what `/ready`, `/health` and the metrics say about it.
///
/// Other than a ``StartBackoff``, of which there are several for one server, it forgets nothing but by a success. A `Mutex`:
/// starts of all loops are noted, and whoever asks is on any.
final class StartRecord: Sendable {
    /// What is wrong.
    struct Trouble: Sendable {
        /// Failures in a row.
        let failures: Int
        /// When the first of them was.
        let since: Timestamp
        /// What the last of them was: a word of a closed set, nothing that the server said.
        let reason: String
    }

    /// There was not even a process.
    static let cannotStart = "cannot_start"
    /// A process ended before anybody asked it anything.
    static let endedEarly = "ended_early"
    /// So many failures in a row are no accident.
    static let threshold = 3

    private struct State {
        var trouble: Trouble?
        var isRetired = false
    }

    private let state = Mutex(State())
    private let clock: WallClock
    private let failures: Counter
    private let failing: Gauge

    init(server: String, clock: WallClock, in registry: MetricsRegistry) {
        self.clock = clock
        failures = registry.counter(
            "sallyport_server_start_failures_total", help: "Starts of servers that came to nothing.",
            labels: [("server", server)])
        failing = registry.gauge(
            "sallyport_server_failing", help: "1 while the starts of a server keep failing.",
            labels: [("server", server)])
        failing.set(0)
    }

    /// A server that keeps failing; nil for one that does not, or not often enough.
    var trouble: Trouble? { state.withLock { $0.trouble }.flatMap { $0.failures >= Self.threshold ? $0 : nil } }

    /// A start failed.
    func failed(_ reason: String) {
        failures.increment()
        let now = clock.now()
        let isFailing = state.withLock { state in
            let before = state.trouble
            let count = min(before?.failures ?? 0, 1_000_000) + 1
            state.trouble = Trouble(failures: count, since: before?.since ?? now, reason: reason)
            return count >= Self.threshold && !state.isRetired
        }
        if isFailing { failing.set(1) }
    }

    /// A server answered.
    func succeeded() {
        let hadTrouble = state.withLock { state in
            defer { state.trouble = nil }
            return state.trouble != nil
        }
        if hadTrouble { failing.set(0) }
    }

    /// The configuration has the server no longer, or otherwise.
    func retire() {
        state.withLock { $0.isRetired = true }
        failing.set(0)
    }
}
