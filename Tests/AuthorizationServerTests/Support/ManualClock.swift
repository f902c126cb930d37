import Synchronization
import Telemetry

/// A clock that a test moves.
final class ManualClock: Sendable {
    private let time = Mutex(Timestamp(millisecondsSinceEpoch: 1_800_000_000_000))

    var now: Timestamp { time.withLock { $0 } }

    var wallClock: WallClock { WallClock { self.now } }

    func advance(by duration: Duration) {
        time.withLock { $0 = $0 + duration }
    }
}
