/// A duration as a person says it.
enum Lifetime {
    private static let units: [(seconds: Int64, name: String)] = [
        (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"),
    ]

    /// In the largest unit that fits, rounded down.
    static func words(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        for unit in units where seconds >= unit.seconds {
            let count = seconds / unit.seconds
            return "\(count) \(unit.name)\(count == 1 ? "" : "s")"
        }
        return "less than a second"
    }
}
