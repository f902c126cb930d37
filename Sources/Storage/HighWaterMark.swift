import Synchronization
import Telemetry

/// The latest time a store has been given (S03): a clock set back revives nothing that was already refused.
///
/// An atomic, because the reader, the writer and the callers all advance it.
final class HighWaterMark: Sendable {
    private let milliseconds = Atomic<Int64>(.min)

    /// The mark in milliseconds since 1970.
    var value: Int64 { milliseconds.load(ordering: .relaxed) }

    /// Moves the mark to `time` unless it is later already; returns the mark.
    @discardableResult
    func advance(to time: Timestamp) -> Timestamp {
        let (old, new) = milliseconds.max(time.millisecondsSinceEpoch, ordering: .relaxed)
        return Timestamp(millisecondsSinceEpoch: Swift.max(old, new))
    }
}
