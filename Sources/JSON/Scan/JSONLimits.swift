/// Bounds that hold before anything is allocated for a text (`H12`).
package struct JSONLimits: Sendable, Hashable {
    /// Deepest nesting of arrays and objects; the outermost container is depth 1.
    package var maximumDepth: Int
    /// Longest text, in bytes.
    package var maximumBytes: Int

    /// Most values and keys together: each costs 20 bytes of index, ten times the text of the shortest.
    package var maximumValues: Int

    package init(maximumDepth: Int = 64, maximumBytes: Int = 8 << 20, maximumValues: Int = 1 << 20) {
        self.maximumDepth = maximumDepth
        self.maximumBytes = min(maximumBytes, Int(Int32.max))
        self.maximumValues = min(maximumValues, Int(Int32.max))
    }

    /// 64 levels, 8 MiB, a million values.
    package static let standard = JSONLimits()
}
