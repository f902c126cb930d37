/// Parses the quantities of the configuration: `15m`, `1h30m`, `512MiB`.
enum Units {
    /// A duration such as `500ms`, `30s`, `15m`, `12h`, `30d` or a sum like `1h30m`; nil when it is none.
    static func duration(_ text: String) -> Duration? {
        var milliseconds: Int64 = 0
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            guard let (number, unit) = takeQuantity(&rest), let factor = durationUnits[unit] else { return nil }
            let (part, overflow) = number.multipliedReportingOverflow(by: factor)
            let (sum, carry) = milliseconds.addingReportingOverflow(part)
            guard !overflow, !carry else { return nil }
            milliseconds = sum
        }
        return .milliseconds(milliseconds)
    }

    /// A size such as `512MiB`, `64KiB`, `2GB` or `4096B`, in bytes; nil when it is none.
    static func size(_ text: String) -> Int? {
        var rest = Substring(text)
        guard let (number, unit) = takeQuantity(&rest), rest.isEmpty, let factor = sizeUnits[unit] else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : Int(exactly: bytes)
    }

    /// A rate such as `600/min`, `10/s` or `1000/h`, as whole events a minute; nil when it is none.
    static func perMinute(_ text: String) -> Int? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = integer(parts[0]).flatMap(Int.init(exactly:)), count < 1 << 40 else {
            return nil
        }
        return switch parts[1] {
        case "s", "sec": count * 60
        case "min": count
        case "h", "hour": count / 60
        default: nil
        }
    }

    /// A whole number written with digits alone, at most 18 of them; nil when it is none.
    static func integer(_ text: some StringProtocol) -> Int64? {
        let digits = text.utf8
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value &* 10 &+ Int64(digit &- UInt8(ascii: "0"))
        }
        return value
    }

    /// A number such as `2` or `0.25`, with at most three digits behind the point; nil when it is none.
    static func decimal(_ text: String) -> Double? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = integer(parts[0]) else { return nil }
        guard parts.count == 2 else { return Double(whole) }
        guard parts[1].utf8.count <= 3, let fraction = integer(parts[1]) else { return nil }
        return Double(whole) + Double(fraction) / [1, 10, 100, 1000][parts[1].utf8.count]
    }

    /// A duration in the words of the configuration, for messages.
    static func text(_ duration: Duration) -> String {
        let milliseconds = Int64(duration / .milliseconds(1))
        for (unit, factor) in [("d", Int64(86_400_000)), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where milliseconds != 0 && milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    private static let durationUnits: [String: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]

    private static let sizeUnits: [String: Int64] = [
        "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
        "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
    ]

    private static func takeQuantity(_ rest: inout Substring) -> (Int64, String)? {
        let digits = rest.prefix { ("0"..."9").contains($0) }
        rest = rest.dropFirst(digits.count)
        let unit = rest.prefix { !("0"..."9").contains($0) }
        rest = rest.dropFirst(unit.count)
        guard let number = integer(digits) else { return nil }
        return (number, String(unit))
    }
}
