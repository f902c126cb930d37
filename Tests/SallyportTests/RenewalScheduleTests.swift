import Telemetry
import Testing

@testable import Sallyport

@Suite("When the next certificate is asked for")
struct RenewalScheduleTests {
    private let day = Duration.seconds(86_400)

    @Test("F23: around two thirds of the life of a certificate, not for all at once")
    func due() {
        let start = Timestamp(secondsSinceEpoch: 1_000_000)
        for lifetime in [day, day * 6, day * 90] {
            let early = RenewalSchedule.due((start, start + lifetime), jitter: 0) - start
            let late = RenewalSchedule.due((start, start + lifetime), jitter: 1) - start
            #expect(early / lifetime > 0.62 && late / lifetime < 0.7)
            #expect((late - early) / lifetime > 0.04)
        }
    }

    @Test("F23: failures wait twice as long each time, up to six hours, and as long as the authority says")
    func backOff() {
        var schedule = RenewalSchedule(retryInterval: .seconds(60))
        func next(_ lifetime: Duration?, _ retryAfter: Duration? = nil) -> Duration {
            schedule.failed(lifetime: lifetime, left: day * 30, retryAfter: retryAfter, jitter: 0.5)
        }
        #expect((0..<4).map { _ in next(day * 90) } == [60, 120, 240, 480].map { .seconds($0) })
        #expect(next(day * 90, .seconds(5000)) == .seconds(5000))
        for _ in 0..<100 { _ = next(day * 90) }
        #expect(next(day * 90) == .seconds(6 * 3600))
        #expect(next(nil) == .seconds(6 * 3600))
        // Of a certificate for a day eight hours are left by then.
        #expect(next(day) == .seconds(1800))
        schedule.succeeded()
        let first = [0.0, 1.0].map { jitter -> Duration in
            var fresh = schedule
            return fresh.failed(lifetime: nil, left: nil, retryAfter: nil, jitter: jitter)
        }
        #expect(first[0] / .seconds(48) > 0.99 && first[0] < first[1] && first[1] / .seconds(72) < 1.01)
    }

    @Test("F23: no word of the authority's and no pause of ours keeps a certificate waiting beyond its end")
    func nearTheEnd() {
        var schedule = RenewalSchedule(retryInterval: .seconds(60))
        for _ in 0..<20 { _ = schedule.failed(lifetime: day * 90, left: day * 30, retryAfter: nil, jitter: 0.5) }
        let hour = Duration.seconds(3600)
        func next(_ left: Duration?, _ retryAfter: Duration?) -> Duration {
            var schedule = schedule
            return schedule.failed(lifetime: day * 90, left: left, retryAfter: retryAfter, jitter: 0.5)
        }
        #expect(next(day * 30, day) == day, "there is time")
        #expect(next(day, day) == hour * 12)
        #expect(next(hour, day) == hour / 2 && next(hour, nil) == hour / 2)
        #expect(next(.seconds(30), day) == .seconds(60), "no faster than a first retry")
        for gone in [nil, .zero, .seconds(-1), day * -30] {
            #expect(next(gone, day) == hour && next(gone, nil) == hour)
            #expect(next(gone, .seconds(5)) == hour, "not sooner than the failures before have it")
        }
        // From a day before the end on, an authority that always says a day is asked until the last minute.
        var (left, attempts) = (day, 0)
        while left > .zero {
            left -= next(left, day)
            attempts += 1
        }
        #expect((10...14).contains(attempts) && left > .seconds(-60), "\(attempts)")
    }
}
