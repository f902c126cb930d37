/// Begins spans (W3C Trace Context level 1 for where they belong).
package struct Tracer: Sendable {
    /// Where finished ones wait to be sent.
    package let spans: SpanBuffer
    /// How many of the traces that begin here are recorded, from 0 to 1. Those of others are recorded as they say.
    private let ratio: Double

    /// Traces into `spans`.
    package init(_ spans: SpanBuffer, ratio: Double) {
        self.spans = spans
        self.ratio = ratio
    }

    /// A span below `parent`, or the first of a new trace.
    package func begin(below parent: TraceContext?) -> OpenSpan {
        var generator = SystemRandomNumberGenerator()
        guard let parent else {
            let isSampled = ratio >= 1 || ratio > 0 && Double.random(in: 0..<1, using: &generator) < ratio
            let trace = Self.digits(generator.next()) + Self.digits(generator.next() | 1)
            return OpenSpan(
                TraceContext(traceID: trace, spanID: Self.digits(generator.next() | 1), isSampled: isSampled),
                parentID: nil)
        }
        return OpenSpan(
            TraceContext(
                traceID: parent.traceID, spanID: Self.digits(generator.next() | 1), isSampled: parent.isSampled),
            parentID: parent.parentID)
    }

    /// Sixteen hexadecimal digits.
    private static func digits(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
