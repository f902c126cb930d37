import Telemetry

/// When the next certificate is asked for.
struct RenewalSchedule: Sendable {
    /// Between two attempts at most.
    private static let longestPause = Duration.seconds(6 * 3600)
    /// Between two of the last attempts before the end of a certificate at least.
    private static let shortestPause = Duration.seconds(60)
    /// Between two attempts at most while there is nothing good to serve, whatever the authority says.
    private static let longestOutage = Duration.seconds(3600)

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

    /// How long to wait after one more failure: twice as long as before, and not less than the authority wants. A certificate that
    /// lives for hours does not wait for six. Half of what is `left` of a good one is the most, so that no word of the authority's
    /// and no pause of ours reaches beyond its end; without a good one it is an hour.
    mutating func failed(lifetime: Duration?, left: Duration?, retryAfter: Duration?, jitter: Double) -> Duration {
        let longest = max(retryInterval, min(Self.longestPause, lifetime.map { $0 / 48 } ?? Self.longestPause))
        let pause = min(retryInterval * (1 << min(failures, 20)), longest) * (0.8 + 0.4 * jitter)
        failures += 1
        let most =
            left.flatMap { $0 > .zero ? max($0 / 2, min(retryInterval, Self.shortestPause)) : nil }
            ?? Self.longestOutage
        return min(max(pause, retryAfter ?? .zero), most)
    }
}
