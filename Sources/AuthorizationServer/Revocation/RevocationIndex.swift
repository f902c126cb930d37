import AsyncIO
package import OAuth
import Synchronization
package import Telemetry

/// Which grants have ended, in memory, for every bearer check: our own revocations at once, those of other processes by
/// way of the feed, at most a second late. When the feed cannot be read it knows nothing, and says so (R04, T08).
///
/// A `Mutex` because every loop asks; the section is one look-up.
package final class RevocationIndex: Sendable {
    /// How old the last successful reading may be: a second, and the time of one reading.
    package static let staleness: Int64 = 1500
    /// No reading has ended for so long, good or bad: the process stood still. Readings are tried twice a second.
    private static let standstill = Duration.seconds(2)
    /// How long a request waits for the reading that is then due.
    private static let patience = Duration.milliseconds(500)

    private struct State {
        var ended: [GrantID: Timestamp] = [:]
        var sequence: Int64 = 0
        var readAt: Timestamp?
        /// When a reading ended, good or bad.
        var triedAt: ContinuousClock.Instant?
    }

    private let clock: WallClock
    private let revoked: Counter
    private let state = Mutex(State())

    /// Creates an index that knows nothing yet: until the first reading every check is refused.
    package init(clock: WallClock, metrics: MetricsRegistry = .shared) {
        self.clock = clock
        revoked = metrics.counter(
            "sallyport_grants_revoked_total",
            help: "Grants that were ended, with all their tokens: by users, clients, operators, or because of a reuse.")
    }

    /// Notes a grant that this process ended.
    package func revoke(_ grant: GrantID, at now: Timestamp) {
        let isNew = state.withLock { $0.ended.updateValue(now, forKey: grant) == nil }
        if isNew { revoked.increment() }
    }

    /// Reads what is new in the feed; entries older than `forgetBefore` matter to no token any more.
    package func read(_ feed: some RevocationFeed, at now: Timestamp, forgetBefore: Timestamp) async throws(StoreError)
    {
        defer { state.withLock { $0.triedAt = .now } }
        let limit = 1000
        while true {
            let from = state.withLock { $0.sequence }
            let page = try await feed.revocations(after: from, limit: limit)
            let news = state.withLock { state in
                var news: UInt64 = 0
                for entry in page where state.ended.updateValue(entry.revokedAt, forKey: entry.grant) == nil {
                    news += 1
                }
                state.sequence = max(state.sequence, page.last?.sequence ?? 0)
                // What was there before us is no news.
                return state.readAt == nil ? 0 : news
            }
            if news > 0 { revoked.increment(by: news) }
            if page.count < limit { break }
        }
        state.withLock { state in
            state.readAt = now
            // The dictionary is only rebuilt when something is old enough to go.
            if state.ended.values.contains(where: { $0 < forgetBefore }) {
                state.ended = state.ended.filter { $0.value >= forgetBefore }
            }
        }
    }
}

extension RevocationIndex: RevocationState {
    package func status(of grant: GrantID) -> RevocationStatus {
        let now = clock.now()
        return state.withLock { state in
            guard let readAt = state.readAt,
                // A reading from the future: the clock was set back, and nobody knows how old it is (F17).
                (-RevocationIndex.staleness...RevocationIndex.staleness).contains(
                    now.millisecondsSinceEpoch - readAt.millisecondsSinceEpoch)
            else { return .unknown }
            return state.ended[grant] == nil ? .active : .revoked
        }
    }

    package var isBehind: Bool {
        state.withLock { state in state.triedAt.map { $0 + RevocationIndex.standstill < ContinuousClock.now } ?? false }
    }

    package func catchUp() async -> Bool {
        guard isBehind else { return false }
        let deadline = ContinuousClock.now + RevocationIndex.patience
        while isBehind, ContinuousClock.now < deadline {
            do { try await EventLoop.pause(for: .milliseconds(5)) } catch { return false }
        }
        return !isBehind
    }
}
