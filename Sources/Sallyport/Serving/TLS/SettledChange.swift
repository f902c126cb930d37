/// Tells a change that has come to rest from one that goes on: whoever writes a file is seen in the middle of it.
struct SettledChange<Version: Equatable> {
    private var settled: Version
    private var last: Version

    /// `version` has been dealt with.
    init(from version: Version) {
        settled = version
        last = version
    }

    /// Whether what is seen now is new, and was there at the last look already.
    mutating func isDue(_ seen: Version) -> Bool {
        defer { last = seen }
        return seen == last && seen != settled
    }

    /// What was seen has been dealt with.
    mutating func settle(on seen: Version) {
        settled = seen
    }
}
