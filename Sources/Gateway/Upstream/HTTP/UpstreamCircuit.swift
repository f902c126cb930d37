import AsyncIO
import HTTP
import Synchronization
import Telemetry

/// Whether an upstream is worth asking: after several failures in a row nobody asks it for a while, so that callers get
/// their answer at once; then one request finds out.
///
/// A lock, because sessions on all loops share it.
final class UpstreamCircuit: Sendable {
    private struct State {
        var failures = 0
        /// Set while the circuit is open: before that instant nobody asks.
        var retryAt: LoopInstant?
        /// How often in a row it was opened.
        var rounds = 0
        var isProbing = false
        /// When the first of the failures was, and what the last one was.
        var since: LoopInstant?
        var reason: HTTPClientError.Code?
    }

    /// Failures in a row that open it.
    static let threshold = 5
    private static let longest = 60

    private let state = Mutex(State())
    private let logger: Logger
    private let gauge: Gauge
    private let counters: [HTTPClientError.Code: Counter]

    init(server: String, in registry: MetricsRegistry) {
        logger = Logger(label: "gateway").with(["server": .string(server)])
        gauge = registry.gauge(
            "sallyport_upstream_circuit_open", help: "1 while a server behind HTTP is not asked, because it failed.",
            labels: [("server", server)])
        var counters: [HTTPClientError.Code: Counter] = [:]
        for code in HTTPClientError.Code.allCases {
            counters[code] = registry.counter(
                "sallyport_upstream_failures_total", help: "Requests to servers behind HTTP that got no answer.",
                labels: [("server", server), ("reason", code.rawValue)])
        }
        self.counters = counters
    }

    /// Whether it is open.
    var isOpen: Bool { state.withLock { $0.retryAt != nil } }

    /// Since when it does not answer, and why; nil while it is asked.
    var trouble: (since: LoopInstant, reason: String)? {
        state.withLock { state in
            guard state.retryAt != nil, let since = state.since, let reason = state.reason else { return nil }
            return (since, reason.rawValue)
        }
    }

    /// Seconds until somebody may ask again; nil where that is now.
    func remaining(at now: LoopInstant) -> Int? {
        state.withLock { state in
            guard let retryAt = state.retryAt, retryAt > now else { return nil }
            return max(1, Int(((retryAt - now) / .seconds(1)).rounded(.up)))
        }
    }

    /// Whether a request may be sent now. Of an open circuit whose time has come one may: the others wait for its news, or,
    /// where it brings none, as long again.
    func admits(at now: LoopInstant) -> Bool {
        state.withLock { state in
            guard let retryAt = state.retryAt else { return true }
            guard retryAt <= now else { return false }
            state.isProbing = true
            state.retryAt = now + Self.delay(state.rounds)
            return true
        }
    }

    /// The upstream answered.
    func succeeded() {
        let wasOpen = state.withLock { state in
            defer { state = State() }
            return state.retryAt != nil
        }
        guard wasOpen else { return }
        gauge.set(0)
        logger.notice("a server behind HTTP answers again")
    }

    /// It did not. `detail` is for the log.
    func failed(_ code: HTTPClientError.Code, _ detail: String, at now: LoopInstant) {
        counters[code]?.increment()
        let (isFirst, seconds): (Bool, Int?) = state.withLock { state in
            state.failures += 1
            state.since = state.since ?? now
            state.reason = code
            if state.retryAt != nil {
                // What was under way when it was opened is no news.
                guard state.isProbing else { return (false, nil) }
                state.rounds += 1
            } else if state.failures < Self.threshold {
                return (state.failures == 1, nil)
            }
            state.isProbing = false
            let delay = Self.delay(state.rounds)
            state.retryAt = now + delay
            return (false, Int(delay.components.seconds))
        }
        if isFirst {
            logger.warning("a server behind HTTP does not answer", ["reason": .string(detail)])
        } else if let seconds {
            gauge.set(1)
            logger.warning(
                "a server behind HTTP is not asked for a while",
                ["reason": .string(detail), "seconds": .integer(seconds)])
        }
    }

    /// 1 s, 2 s, … 60 s.
    private static func delay(_ rounds: Int) -> Duration { .seconds(min(longest, 1 << min(rounds, 6))) }
}
