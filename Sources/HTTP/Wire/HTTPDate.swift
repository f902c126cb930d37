import AsyncIO
import Telemetry

/// The `Date` field, written once a second: RFC 9110 §5.6.7 `IMF-fixdate`.
struct HTTPDateField {
    private let clock: WallClock
    private var validUntil = LoopInstant(nanoseconds: 0)
    private var line: [UInt8] = []

    init(clock: WallClock) {
        self.clock = clock
    }

    /// The whole line for the present second; `instant` is the loop's time, which costs less to know than the clock's.
    mutating func current(at instant: LoopInstant) -> [UInt8] {
        if instant >= validUntil {
            let now = clock.now()
            line = Array("date: \(Self.text(now))\r\n".utf8)
            validUntil = instant + .milliseconds(1000 - (now.millisecondsSinceEpoch - now.seconds * 1000))
        }
        return line
    }

    static func text(_ moment: Timestamp) -> String {
        let date = CivilDate(moment)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let two = { (number: Int) in number < 10 ? "0\(number)" : String(number) }
        let day = days.indices.contains(date.weekday) ? days[date.weekday] : days[0]
        let month = months.indices.contains(date.month - 1) ? months[date.month - 1] : months[0]
        return "\(day), \(two(date.day)) \(month) \(date.year) "
            + "\(two(date.hour)):\(two(date.minute)):\(two(date.second)) GMT"
    }
}
