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

    @Test("a span may be shorter than it was open, and is never longer")
    func shorter() async throws {
        let span = Tracer(SpanBuffer(in: MetricsRegistry()), ratio: 1).begin(below: nil)
        let opened = ContinuousClock.now
        while ContinuousClock.now - opened < .milliseconds(40) { await Task.yield() }
        func finished(_ began: Duration, _ ended: Duration) -> TraceSpan {
            span.finished("x", .client, [], error: nil, began: began, ended: ended)
        }
        let part = finished(.milliseconds(30), .milliseconds(10))
        #expect(part.end - part.start == 20_000_000)
        let all = finish(span)
        #expect(part.start > all.start && part.end < all.end)
        let early = finished(.seconds(3600), .seconds(1800))
        #expect(early.start == all.start && early.end == all.start)
        #expect(finished(.milliseconds(-5), .milliseconds(-9)).start >= all.start)
    }

    private static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private static let rest = good.dropFirst(2)
    private static let refusedTexts: [String] = [
        "", "00", "\(good)-00", "\(good)0", "\(good.dropLast())", " \(good)", good.uppercased(), "0x\(rest)",
        "ff\(rest)", "ff\(rest)-00", "fF\(rest)", "0g\(rest)", "01\(rest)0", "01\(rest.dropLast())", "01\(rest).00",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b\n-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\"",
        "00-4bf92f3577b34da6a3ce929d0e0e47\u{e9}-00f067aa0ba902b7-01",
    ]
    private static let laterTexts: [String] = ["01\(rest)", "cc\(rest)-", "fe\(rest)-what-\u{e9}ver"]

    @Test(
        "a traceparent of a stranger's is taken to the letter or not at all",
        arguments: refusedTexts)
    func malformed(text: String) { #expect(TraceContext(traceparent: text) == nil) }

    @Test(
        "W3C Trace Context §4.3: of a later version what version 00 knows is read, and said in version 00",
        arguments: laterTexts)
    func later(text: String) throws {
        let context: TraceContext = try #require(TraceContext(traceparent: text))
        #expect(context.traceparent == Self.good)
    }

    @Test(
        "of the flags the last bit counts; the others do not go on",
        arguments: [("03", true), ("fe", false), ("0b", true), ("0a", false)])
    func flags(text: String, isSampled: Bool) throws {
        let context: TraceContext = try #require(TraceContext(traceparent: Self.good.dropLast(2) + text))
        #expect(context.isSampled == isSampled && context.traceparent.hasSuffix(isSampled ? "-01" : "-00"))
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

    /// `count` spans that are named by numbers.
    private static func named(_ numbers: Range<Int>) -> [TraceSpan] {
        let tracer = Tracer(SpanBuffer(in: MetricsRegistry()), ratio: 1)
        return numbers.map { tracer.begin(below: nil).finished("\($0)", .server, [], error: nil) }
    }

    private static func dropped(_ registry: MetricsRegistry) -> Int? {
        let text = String(decoding: registry.prometheusText(), as: UTF8.self)
        return text.firstMatch(of: /sallyport_trace_spans_dropped_total (\d+)/).flatMap { Int($0.1) }
    }

    @Test("the oldest are sent first, and what is put back is older than what came meanwhile")
    func order() {
        let registry = MetricsRegistry()
        let spans = SpanBuffer(in: registry)
        for span in Self.named(0..<6) { spans.add(span) }
        let taken = spans.take(2)
        #expect(taken.map(\.name) == ["0", "1"])
        spans.putBack(taken)
        #expect(spans.take(4).map(\.name) == ["0", "1", "2", "3"])
        #expect(spans.take(4).map(\.name) == ["4", "5"])
        #expect(Self.dropped(registry) == 0)
    }

    @Test("what is put back takes no place that there is not: the oldest are lost, and counted")
    func overfull() {
        let registry = MetricsRegistry()
        let spans = SpanBuffer(in: registry)
        for span in Self.named(0..<8192) { spans.add(span) }
        let taken = spans.take(100)
        for span in Self.named(8192..<8252) { spans.add(span) }
        spans.putBack(taken)
        #expect(Self.dropped(registry) == 60)
        #expect(spans.take(10_000).map(\.name) == (60..<8252).map { "\($0)" })
        spans.drop(7)
        #expect(Self.dropped(registry) == 67)
    }

    @Test("what is not to be recorded takes no place")
    func unsampled() {
        let spans = SpanBuffer(in: MetricsRegistry())
        let tracer = Tracer(spans, ratio: 0)
        spans.add(finish(tracer.begin(below: nil)))
        #expect(spans.take(1).isEmpty)
    }
}
