/// How much a line matters; `info` is quiet while all is well.
package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    case trace, debug, info, notice, warning, error

    /// The configuration's word for it.
    package var name: String { String(describing: self) }

    /// The level that the configuration calls `name`.
    package init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// How lines are written.
package enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON in a pipe or file.
    case auto
    case text
    case json
}
