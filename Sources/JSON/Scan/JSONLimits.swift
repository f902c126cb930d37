/// Bounds that hold before anything is allocated for a text (`H12`).
package struct JSONLimits: Sendable, Hashable {
    /// Deepest nesting of arrays and objects; the outermost container is depth 1.
    package var maximumDepth: Int
    /// Longest text, in bytes.
    package var maximumBytes: Int

    package init(maximumDepth: Int = 64, maximumBytes: Int = 8 << 20) {
        self.maximumDepth = maximumDepth
        self.maximumBytes = min(maximumBytes, Int(Int32.max))
    }

    /// 64 levels, 8 MiB.
    package static let standard = JSONLimits()
}
