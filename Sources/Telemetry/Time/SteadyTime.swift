import Glibc
import SwiftOverlayShims
import Synchronization

/// The time of day that never goes back (F17): what was over stays over when the clock is set back, and nothing that counts
/// from the last event waits until that time comes again. From there on it goes as fast as time does; when the clock is set
/// ahead it follows.
///
/// An atomic, because everybody asks; it is written when the clock was set ahead.
final class SteadyTime: Sendable {
    /// The largest lead that the time of day has had over the monotonic clock, in nanoseconds.
    private let lead = Atomic<Int64>(.min)
    private let wall: @Sendable () -> Int64
    private let monotonic: @Sendable () -> Int64

    /// Both clocks in nanoseconds.
    init(wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Int64) {
        self.wall = wall
        self.monotonic = monotonic
    }

    /// The clocks of the system.
    convenience init() {
        self.init(wall: { Self.nanoseconds(CLOCK_REALTIME) }, monotonic: { Self.nanoseconds(CLOCK_MONOTONIC) })
    }

    func now() -> Timestamp {
        // In this order: whoever is held up between the two sees a smaller lead, which does not count.
        let wall = wall()
        let monotonic = monotonic()
        var lead = lead.load(ordering: .relaxed)
        if wall &- monotonic > lead { lead = self.lead.max(wall &- monotonic, ordering: .relaxed).newValue }
        return Timestamp(millisecondsSinceEpoch: (monotonic &+ lead) / 1_000_000)
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
