import Telemetry

/// The `Date` field, written once a second: RFC 9110 §5.6.7 `IMF-fixdate`.
struct HTTPDateField {
    private let clock: WallClock
    private var second: Int64 = .min
    private var line: [UInt8] = []

    init(clock: WallClock) {
        self.clock = clock
    }

    /// The whole line for the present second.
    mutating func current() -> [UInt8] {
        let now = clock.now()
        if now.seconds != second {
            second = now.seconds
            line = Array("date: \(Self.text(now))\r\n".utf8)
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
