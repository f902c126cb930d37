import Synchronization

/// Finished spans that wait to be sent. What does not fit is counted and gone: tracing never holds anything up.
package final class SpanBuffer: Sendable {
    /// A few seconds of a busy gateway.
    private static let capacity = 8192

    private let spans = Mutex<[TraceSpan]>([])
    private let dropped: Counter

    /// An empty one, whose losses are counted in `registry`.
    package init(in registry: MetricsRegistry = .shared) {
        dropped = registry.counter(
            "sallyport_trace_spans_dropped_total", help: "Spans that were not sent: too many, or nobody took them.")
    }

    /// Keeps a span of a trace that is recorded.
    package func add(_ span: TraceSpan) {
        guard span.context.isSampled else { return }
        let isKept = spans.withLock { spans in
            guard spans.count < Self.capacity else { return false }
            spans.append(span)
            return true
        }
        if !isKept { dropped.increment() }
    }

    /// Up to `limit` of them, the oldest first.
    package func take(_ limit: Int) -> [TraceSpan] {
        spans.withLock { spans in
            let taken = Array(spans.prefix(limit))
            spans.removeFirst(taken.count)
            return taken
        }
    }

    /// These could not be sent now; what does not fit any more is gone.
    package func putBack(_ taken: [TraceSpan]) {
        let lost = spans.withLock { spans in
            let kept = taken.suffix(max(0, Self.capacity - spans.count))
            spans.insert(contentsOf: kept, at: 0)
            return taken.count - kept.count
        }
        if lost > 0 { drop(lost) }
    }

    /// These are given up.
    package func drop(_ count: Int) { dropped.increment(by: UInt64(max(0, count))) }
}
