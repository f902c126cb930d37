import Glibc
import SwiftOverlayShims

/// A piece of work in a trace, when it is done.
package struct TraceSpan: Sendable {
    /// What stands on its other side; numbers of OTLP.
    package enum Kind: Int, Sendable {
        /// Somebody who asked us.
        case server = 2
        /// Somebody whom we asked.
        case client = 3
    }

    /// What is said of it.
    package enum Value: Sendable {
        case string(String)
        case integer(Int64)
    }

    /// Which trace it belongs to, and its own id.
    package let context: TraceContext
    /// The span that caused it; nil for the first of a trace.
    package let parentID: String?
    package let name: String
    package let kind: Kind
    /// Nanoseconds since 1970.
    package let start: UInt64
    package let end: UInt64
    package let attributes: [(key: String, value: Value)]
    /// What went wrong, from a closed set of words; nil where nothing did.
    package let error: String?
}

/// A span that goes on.
package struct OpenSpan: Sendable {
    /// Which trace it belongs to, and its own id: what those who are asked on its behalf get.
    package let context: TraceContext
    private let parentID: String?
    private let start: UInt64

    init(_ context: TraceContext, parentID: String?) {
        self.context = context
        self.parentID = parentID
        start = Self.now
    }

    /// It is done.
    package func finished(
        _ name: String, _ kind: TraceSpan.Kind, _ attributes: [(key: String, value: TraceSpan.Value)], error: String?
    ) -> TraceSpan {
        TraceSpan(
            context: context, parentID: parentID, name: name, kind: kind, start: start, end: max(start, Self.now),
            attributes: attributes, error: error)
    }

    /// It is done, and it was shorter than it was open: `began` and `ended` are how long ago.
    package func finished(
        _ name: String, _ kind: TraceSpan.Kind, _ attributes: [(key: String, value: TraceSpan.Value)], error: String?,
        began: Duration, ended: Duration
    ) -> TraceSpan {
        let now = Self.now
        let start = max(start, Self.moment(before: now, by: began))
        return TraceSpan(
            context: context, parentID: parentID, name: name, kind: kind, start: start,
            end: max(start, Self.moment(before: now, by: ended)), attributes: attributes, error: error)
    }

    private static func moment(before now: UInt64, by time: Duration) -> UInt64 {
        let (seconds, attoseconds) = time.components
        let nanoseconds = max(0, seconds) &* 1_000_000_000 &+ max(0, attoseconds) / 1_000_000_000
        return now &- min(now, UInt64(max(0, nanoseconds)))
    }

    /// Nanoseconds since 1970.
    private static var now: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000_000_000 + UInt64(max(0, time.tv_nsec))
    }
}
