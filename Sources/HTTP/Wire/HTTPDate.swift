import AsyncIO
package import Telemetry

/// Dates in fields (RFC 9110 §5.6.7).
package enum HTTPDate {
    /// The moment of an `IMF-fixdate`, which is what everybody writes; nil for the two forms of old, and for what is none.
    package static func parse(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count == 29,
            let month = HTTPDateField.months.firstIndex(of: String(decoding: bytes[8..<11], as: UTF8.self)),
            let day = number(bytes[5..<7]), let year = number(bytes[12..<16]), let hour = number(bytes[17..<19]),
            let minute = number(bytes[20..<22]), let second = number(bytes[23..<25]), year >= 1970
        else { return nil }
        // Days before a date, in years that begin in March, so that leap days end them.
        let (shifted, fromMarch) = month < 2 ? (year - 1, month + 10) : (year, month - 2)
        let days =
            365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * fromMarch + 2) / 5 + day - 719_469
        let moment = Timestamp(secondsSinceEpoch: Int64(days * 86_400 + hour * 3600 + minute * 60 + second))
        // What stands there is right when it would be written so.
        return HTTPDateField.text(moment).utf8.elementsEqual(bytes) ? moment : nil
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }
}

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

    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func text(_ moment: Timestamp) -> String {
        let date = CivilDate(moment)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let two = { (number: Int) in number < 10 ? "0\(number)" : String(number) }
        let day = days.indices.contains(date.weekday) ? days[date.weekday] : days[0]
        let month = months.indices.contains(date.month - 1) ? months[date.month - 1] : months[0]
        return "\(day), \(two(date.day)) \(month) \(date.year) "
            + "\(two(date.hour)):\(two(date.minute)):\(two(date.second)) GMT"
    }
}
