import Testing

@testable import Telemetry

@Suite("Tracing")
struct TracerTests {
    private func finish(_ span: OpenSpan) -> TraceSpan { span.finished("x", .server, [], error: nil) }

    @Test("a span below another belongs to its trace and is recorded as that one is; ids are new each time")
    func below() throws {
        let tracer = Tracer(SpanBuffer(in: MetricsRegistry()), ratio: 0)
        for flags in ["00", "01"] {
            let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\(flags)"
            let parent: TraceContext = try #require(TraceContext(traceparent: text))
            let span = tracer.begin(below: parent)
            #expect(span.context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(span.context.isSampled == (flags == "01"))
            #expect(span.context.parentID != "00f067aa0ba902b7")
            #expect(TraceContext(traceparent: span.context.traceparent) == span.context)
            #expect(finish(span).parentID == "00f067aa0ba902b7")
        }
        let ids = Set((0..<1000).map { _ in tracer.begin(below: nil).context.parentID })
        #expect(ids.count == 1000 && ids.allSatisfy { $0.utf8.count == 16 })
    }

    @Test("the ratio decides about traces that begin here")
    func ratio() {
        for (ratio, range) in [(0.0, 0...0), (1.0, 2000...2000), (0.25, 350...650)] {
            let tracer = Tracer(SpanBuffer(in: MetricsRegistry()), ratio: ratio)
            let count = (0..<2000).count { _ in tracer.begin(below: nil).context.isSampled }
            #expect(range.contains(count), "\(ratio): \(count)")
        }
    }

    @Test("a full buffer loses the newest, counts them and never grows")
    func bound() {
        let registry = MetricsRegistry()
        let spans = SpanBuffer(in: registry)
        let tracer = Tracer(spans, ratio: 1)
        for _ in 0..<10_000 { spans.add(finish(tracer.begin(below: nil))) }
        #expect(spans.take(20_000).count == 8192)
        #expect(spans.take(1).isEmpty)
        let text = String(decoding: registry.prometheusText(), as: UTF8.self)
        #expect(text.contains("sallyport_trace_spans_dropped_total 1808\n"), "\(text)")
    }
}
