import OAuth
import Synchronization
import Telemetry

/// What one principal has open (M10). Counters only: sessions on several loops share it.
final class PrincipalQuota: Sendable {
    private let calls = Atomic<Int>(0)
    private let streams = Atomic<Int>(0)
    private let maximumCalls: Int
    private let maximumStreams: Int
    private let metrics: LimitMetrics

    init(_ limits: GatewayLimits, _ metrics: LimitMetrics) {
        self.metrics = metrics
        maximumCalls = limits.callsPerPrincipal
        maximumStreams = limits.streamsPerPrincipal
    }

    /// Whether another call could begin now: a look before the body is read. `beginCalls` decides.
    var admitsCall: Bool { calls.load(ordering: .relaxed) < maximumCalls }

    /// Takes the places of `count` calls; false when there are not so many left. One act, because calls of one
    /// principal come in on several loops at once.
    func beginCalls(_ count: Int) -> Bool {
        if calls.add(count, ordering: .relaxed).newValue <= maximumCalls { return true }
        calls.subtract(count, ordering: .relaxed)
        refusedCall()
        return false
    }

    /// Counts a call that found no place.
    func refusedCall() { metrics.reached(.calls) }

    func callEnded() { calls.subtract(1, ordering: .relaxed) }

    /// Takes the place of one stream; false when there is none left.
    func openStream() -> Bool {
        if streams.add(1, ordering: .relaxed).newValue <= maximumStreams { return true }
        closeStream()
        metrics.reached(.streams)
        return false
    }

    func closeStream() { streams.subtract(1, ordering: .relaxed) }

    var isIdle: Bool { calls.load(ordering: .relaxed) == 0 && streams.load(ordering: .relaxed) == 0 }
}

/// The quotas of all principals; asked when a session begins, never per call.
final class PrincipalQuotas: Sendable {
    /// Where idle ones are swept out.
    private static let sweepAt = 4096

    private let limits: GatewayLimits
    private let metrics: LimitMetrics
    private let quotas = Mutex<[Principal: PrincipalQuota]>([:])

    init(_ limits: GatewayLimits, in metrics: MetricsRegistry) {
        self.limits = limits
        self.metrics = LimitMetrics(in: metrics)
    }

    /// The quota that all sessions of `principal` share.
    func quota(for principal: Principal) -> PrincipalQuota {
        quotas.withLock { quotas in
            if let known = quotas[principal] { return known }
            // A session keeps its quota alive; forgetting an idle one only lets a newcomer count from zero.
            if quotas.count >= Self.sweepAt { quotas = quotas.filter { !$0.value.isIdle } }
            let made = PrincipalQuota(limits, metrics)
            quotas[principal] = made
            return made
        }
    }
}
