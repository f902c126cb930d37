import JSON

/// One step of a client, and how it would fare.
struct Finding: Sendable, Hashable {
    enum Verdict: String, Sendable, Comparable {
        case passed = "ok"
        /// Worth knowing: it goes on otherwise.
        case noted = "note"
        /// It works, and something is weaker than it should be, or fails for some.
        case warning
        /// It goes no further.
        case failed = "problem"

        private var rank: Int {
            switch self {
            case .passed: 0
            case .noted: 1
            case .warning: 2
            case .failed: 3
            }
        }

        static func < (left: Verdict, right: Verdict) -> Bool { left.rank < right.rank }
    }

    let verdict: Verdict
    /// What the client did, and what it saw.
    let seen: String
    /// What to do; nil where nothing is to be done.
    let remedy: String?

    var json: JSONValue {
        .object(
            [.init("verdict", .string(verdict.rawValue)), .init("seen", .string(seen))]
                + (remedy.map { [.init("remedy", .string($0))] } ?? []))
    }
}
