import Synchronization
package import Telemetry

/// A time of day that stands still until a test moves it.
package final class ManualClock: Sendable {
    private let milliseconds: Mutex<Int64>

    /// Starts at some moment of no meaning.
    package init(millisecondsSinceEpoch: Int64 = 1_800_000_000_000) {
        milliseconds = Mutex(millisecondsSinceEpoch)
    }

    package var now: Timestamp { Timestamp(millisecondsSinceEpoch: milliseconds.withLock { $0 }) }

    /// The clock to hand to what is under test.
    package var clock: WallClock { WallClock { self.now } }

    /// Moves on, or back when `duration` is negative.
    package func advance(by duration: Duration) {
        let (seconds, attoseconds) = duration.components
        milliseconds.withLock { $0 += seconds * 1000 + attoseconds / 1_000_000_000_000_000 }
    }
}
