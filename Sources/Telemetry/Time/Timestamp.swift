/// A moment of wall-clock time, in milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let millisecondsSinceEpoch: Int64

    package init(millisecondsSinceEpoch: Int64) {
        self.millisecondsSinceEpoch = millisecondsSinceEpoch
    }

    /// Whole seconds since the epoch make a timestamp; out-of-range values saturate.
    package init(secondsSinceEpoch: Int64) {
        let (product, overflow) = secondsSinceEpoch.multipliedReportingOverflow(by: 1000)
        millisecondsSinceEpoch = overflow ? (secondsSinceEpoch < 0 ? .min : .max) : product
    }

    /// Whole seconds since the epoch, rounded down: what JWT calls NumericDate (RFC 7519 §2).
    package var seconds: Int64 {
        let (quotient, remainder) = millisecondsSinceEpoch.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millisecondsSinceEpoch < right.millisecondsSinceEpoch
    }

    /// Later by `duration`; saturates instead of overflowing.
    package static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return Timestamp(millisecondsSinceEpoch: seconds < 0 ? .min : .max) }
        let (offset, offsetOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        let (sum, sumOverflow) = moment.millisecondsSinceEpoch.addingReportingOverflow(offset)
        if offsetOverflow || sumOverflow { return Timestamp(millisecondsSinceEpoch: seconds < 0 ? .min : .max) }
        return Timestamp(millisecondsSinceEpoch: sum)
    }

    /// Earlier by `duration`; saturates instead of overflowing.
    package static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        moment
            + Duration(
                secondsComponent: -duration.components.seconds, attosecondsComponent: -duration.components.attoseconds)
    }

    /// How long after `earlier` this is; negative where it is before.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, overflow) = later.millisecondsSinceEpoch.subtractingReportingOverflow(
            earlier.millisecondsSinceEpoch)
        return .milliseconds(overflow ? (later < earlier ? Int64.min : Int64.max) : difference)
    }

    /// `2026-11-21T05:31:00.123Z` (RFC 3339).
    package var iso8601: String {
        let date = CivilDate(self)
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
            + "T\(padded(date.hour, 2)):\(padded(date.minute, 2)):\(padded(date.second, 2))."
            + "\(padded(date.millisecond, 3))Z"
    }

    package var description: String { iso8601 }
}

/// Zero-padded decimal.
func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
