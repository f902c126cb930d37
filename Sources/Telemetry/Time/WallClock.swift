import Glibc
import SwiftOverlayShims

/// Where the time of day comes from. Injected, so that tests decide it.
package struct WallClock: Sendable {
    /// Answers the time now.
    package let now: @Sendable () -> Timestamp

    package init(now: @escaping @Sendable () -> Timestamp) {
        self.now = now
    }

    /// The system's clock.
    package static let system = WallClock {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(millisecondsSinceEpoch: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// The system's clock, but in this process it never goes back. For whatever ends.
    package static let steady: WallClock = {
        let time = SteadyTime()
        return WallClock { time.now() }
    }()
}
