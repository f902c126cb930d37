import Synchronization
import Testing

@testable import Telemetry

/// Time that never goes back.
@Suite struct SteadyTimeTests {
    /// Two clocks that a test sets, in seconds.
    private final class Clocks: Sendable {
        let wall = Atomic<Int64>(1_000_000)
        let monotonic = Atomic<Int64>(50)

        var steady: SteadyTime {
            SteadyTime(
                wall: { self.wall.load(ordering: .relaxed) * 1_000_000_000 },
                monotonic: { self.monotonic.load(ordering: .relaxed) * 1_000_000_000 })
        }

        func pass(_ seconds: Int64) {
            wall.add(seconds, ordering: .relaxed)
            monotonic.add(seconds, ordering: .relaxed)
        }
    }

    @Test("F17: time follows a clock that is set ahead, goes on from there when it is set back, and never stands still")
    func jumps() {
        let clocks = Clocks()
        let time = clocks.steady
        #expect(time.now().seconds == 1_000_000)
        clocks.pass(10)
        #expect(time.now().seconds == 1_000_010)
        clocks.wall.add(3600, ordering: .relaxed)
        #expect(time.now().seconds == 1_003_610)
        clocks.wall.subtract(86_400, ordering: .relaxed)
        #expect(time.now().seconds == 1_003_610)
        clocks.pass(5)
        #expect(time.now().seconds == 1_003_615)
        clocks.wall.add(86_400 + 3600, ordering: .relaxed)
        #expect(time.now().seconds == 1_007_215)
    }

    @Test("F17: where nobody sets the clock it tells the time of day")
    func plain() {
        let difference = WallClock.steady.now() - WallClock.system.now()
        #expect((Duration.milliseconds(-50)...Duration.milliseconds(50)).contains(difference))
    }
}
