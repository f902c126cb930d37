import Telemetry

/// When the next certificate is asked for.
struct RenewalSchedule: Sendable {
    /// Between two attempts at most.
    private static let longestPause = Duration.seconds(6 * 3600)

    /// After the first failure.
    let retryInterval: Duration
    private var failures = 0

    init(retryInterval: Duration) {
        self.retryInterval = retryInterval
    }

    /// Around two thirds of the life of a certificate; `jitter`, from 0 to 1, keeps many gateways apart.
    static func due(_ validity: (notBefore: Timestamp, notAfter: Timestamp), jitter: Double) -> Timestamp {
        let lifetime = validity.notAfter - validity.notBefore
        return validity.notBefore + lifetime * (0.64 + 0.05 * jitter)
    }

    /// A certificate came.
    mutating func succeeded() { failures = 0 }

    /// How long to wait after one more failure: twice as long as before, never less than the server wants. A certificate that
    /// lives for hours does not wait for six.
    mutating func failed(lifetime: Duration?, retryAfter: Duration?, jitter: Double) -> Duration {
        let longest = max(retryInterval, min(Self.longestPause, lifetime.map { $0 / 48 } ?? Self.longestPause))
        let pause = min(retryInterval * (1 << min(failures, 20)), longest) * (0.8 + 0.4 * jitter)
        failures += 1
        return max(pause, retryAfter ?? .zero)
    }
}
