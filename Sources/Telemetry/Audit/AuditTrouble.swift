/// What the log hears of a trail that cannot be written: that it is so at once, then once a minute, and that it is over.
///
/// A disk that fails and works in turn fills no log.
struct AuditTrouble {
    private static let interval = Duration.seconds(60)

    private var failureSaidAt: ContinuousClock.Instant?
    private var mustSayTheEnd = false
    private var lossSaidAt: ContinuousClock.Instant?
    private var unsaid = 0

    /// The trail cannot be written; whether that is worth a line.
    mutating func failed(at now: ContinuousClock.Instant) -> Bool {
        guard Self.isDue(failureSaidAt, now) else { return false }
        failureSaidAt = now
        mustSayTheEnd = true
        return true
    }

    /// It is written again; whether that is worth a line.
    mutating func ended() -> Bool {
        defer { mustSayTheEnd = false }
        return mustSayTheEnd
    }

    /// `count` more events are missing in it; how many to tell of now, nil for no word.
    mutating func missing(_ count: Int, at now: ContinuousClock.Instant) -> Int? {
        unsaid += count
        guard unsaid > 0, Self.isDue(lossSaidAt, now) else { return nil }
        lossSaidAt = now
        defer { unsaid = 0 }
        return unsaid
    }

    private static func isDue(_ last: ContinuousClock.Instant?, _ now: ContinuousClock.Instant) -> Bool {
        last.map { now - $0 >= interval } ?? true
    }
}
