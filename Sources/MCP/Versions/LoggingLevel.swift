package import JSON

/// Severity of `notifications/message`, least first (RFC 5424).
package enum LoggingLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    case debug, info, notice, warning, error, critical, alert, emergency

    /// The level with this name, which must be exact.
    package init?(_ node: JSONNode?) {
        guard let name = node?.string, let level = LoggingLevel(rawValue: name) else { return nil }
        self = level
    }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}
