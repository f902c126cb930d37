/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// The milliseconds.
    package var millisecondsSinceEpoch: Int64

    /// Creates a timestamp.
    package init(millisecondsSinceEpoch: Int64) {
        self.millisecondsSinceEpoch = millisecondsSinceEpoch
    }

    /// Whole seconds since 1970, rounded down.
    package var seconds: Int64 { millisecondsSinceEpoch / 1000 }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millisecondsSinceEpoch < right.millisecondsSinceEpoch
    }
}
