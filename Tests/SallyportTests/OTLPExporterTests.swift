import AsyncIO
import HTTP
import JSON
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Sallyport

/// What becomes of spans that a collector takes, refuses, or takes later.
@Suite("Export of spans", .timeLimit(.minutes(1)))
struct OTLPExporterTests {
    /// Counts what is under way.
    private final class Gauge: Sendable {
        private let count = Mutex(0)

        @discardableResult
        func add(_ amount: Int) -> Int {
            count.withLock { count in
                count += amount
                return count
            }
        }
    }

    /// A collector that answers as a test says, and an exporter to it.
    private final class Stage: Sendable {
        let group = EventLoopGroup(count: 1)
        let registry = MetricsRegistry()
        let spans: SpanBuffer
        let exporter: OTLPExporter
        /// The names of the spans of each request.
        let requests = Ledger<[String]>()
        /// How many requests were under way when each came.
        let atOnce = Ledger<Int>()
        private let server: HTTPServer
        private let tracer: Tracer

        /// `statuses` in turn, the last one for ever.
        init(
            _ statuses: [Int], pausing pause: Duration = .milliseconds(2), slowly isSlow: Bool = false
        ) async throws {
            let (requests, atOnce, loop) = (requests, atOnce, group.loops[0])
            let underWay = Gauge()
            server = HTTPServer(
                group: group,
                responder: HTTPHandler { _, body in
                    atOnce.record(underWay.add(1))
                    defer { underWay.add(-1) }
                    let content = (try? await body.collect(upTo: 16 << 20)) ?? []
                    let root = try? JSONDocument(parsing: content).root
                    let scope = root?["resourceSpans"]?.elements.first { _ in true }?["scopeSpans"]
                    let spans = scope?.elements.first { _ in true }?["spans"]
                    if isSlow { try? await loop.sleep(for: .milliseconds(20)) }
                    requests.record(spans?.elements.map { $0["name"]?.string ?? "" } ?? [])
                    return HTTPResponse(status: HTTPStatus(statuses[min(requests.count, statuses.count) - 1]))
                })
            let address = try await server.start(on: try SocketAddress(ip: "127.0.0.1", port: 0))
            spans = SpanBuffer(in: registry)
            tracer = Tracer(spans, ratio: 1)
            let settings = TracingSettings(endpoint: try HTTPURL("http://127.0.0.1:\(address.port)/v1/traces"))
            exporter = OTLPExporter(
                settings, spans, on: group.loops[0], every: .milliseconds(2), pausing: pause)
        }

        func add(_ numbers: Range<Int>) {
            for number in numbers { spans.add(tracer.begin(below: nil).finished("\(number)", .server, [], error: nil)) }
        }

        var dropped: Int {
            let text = String(decoding: registry.prometheusText(), as: UTF8.self)
            return text.firstMatch(of: /sallyport_trace_spans_dropped_total (\d+)/).flatMap { Int($0.1) } ?? -1
        }

        /// Exports while `body` runs.
        func running(_ body: () async throws -> Void) async throws {
            let (exporter, loop) = (exporter, group.loops[0])
            let task = Task(executorPreference: loop) { await exporter.run(on: loop) }
            do {
                try await body()
            } catch {
                task.cancel()
                throw error
            }
            task.cancel()
            await task.value
        }

        func end() async {
            await server.drain(within: .zero)
            let group = group
            try? await onThread { group.shutdown() }
        }
    }

    private static func names(_ numbers: Range<Int>) -> [String] { numbers.map { "\($0)" } }

    @Test("spans go in the order in which they ended, so many at once")
    func batches() async throws {
        let stage = try await Stage([200])
        stage.add(0..<1200)
        try await stage.running { try await eventuallyTrue("all to be sent") { stage.requests.count == 3 } }
        #expect(stage.requests.all == [Self.names(0..<512), Self.names(512..<1024), Self.names(1024..<1200)])
        #expect(stage.dropped == 0)
        await stage.end()
    }

    @Test("a batch is sent when the one before it is settled: a slow collector has one request at a time")
    func oneAfterTheOther() async throws {
        let stage = try await Stage([503, 503, 200], slowly: true)
        stage.add(0..<1200)
        try await stage.running { try await eventuallyTrue("all to be sent") { stage.requests.count == 5 } }
        let first = Self.names(0..<512)
        #expect(stage.requests.all == [first, first, first, Self.names(512..<1024), Self.names(1024..<1200)])
        #expect(stage.atOnce.all.allSatisfy { $0 == 1 } && stage.dropped == 0)
        await stage.end()
    }

    @Test("what the collector could take later is sent again, and lost only when it never does")
    func later() async throws {
        let stage = try await Stage([503, 429, 502, 504, 200, 503])
        stage.add(0..<3)
        try await stage.running {
            try await eventuallyTrue("the fifth attempt") { stage.requests.count == 5 }
            stage.add(3..<5)
            try await eventuallyTrue("five more") { stage.dropped == 2 }
            stage.add(5..<6)
            try await eventuallyTrue("the next ones to have their turn") { stage.dropped == 3 }
        }
        let expected = [0..<3, 3..<5, 5..<6].flatMap { Array(repeating: Self.names($0), count: 5) }
        #expect(stage.requests.all == expected)
        await stage.end()
    }

    @Test("what the collector refuses is not sent again, and counted", arguments: [400, 401, 404, 413, 302, 500])
    func refused(status: Int) async throws {
        let stage = try await Stage([status, 200])
        stage.add(0..<3)
        try await stage.running {
            try await eventuallyTrue("they are given up") { stage.dropped == 3 }
            stage.add(3..<4)
            try await eventuallyTrue("the next ones to be sent") { stage.requests.count == 2 }
        }
        #expect(stage.requests.all == [Self.names(0..<3), Self.names(3..<4)])
        #expect(stage.dropped == 3)
        await stage.end()
    }

    @Test("what waits for another attempt when the gateway stops is sent by the farewell")
    func farewell() async throws {
        // However late this looks, there is no second attempt before the farewell.
        let stage = try await Stage([503, 200], pausing: .seconds(600))
        stage.add(0..<3)
        try await stage.running { try await eventuallyTrue("one attempt") { stage.requests.count == 1 } }
        stage.add(3..<4)
        await stage.exporter.flush()
        #expect(stage.requests.all == [Self.names(0..<3), Self.names(0..<4)])
        #expect(stage.dropped == 0)
        await stage.end()
    }

    @Test("the farewell tries once, and counts what is not taken", arguments: [503, 400])
    func vainFarewell(status: Int) async throws {
        let stage = try await Stage([status])
        stage.add(0..<3)
        await stage.exporter.flush()
        #expect(stage.requests.count == 1 && stage.dropped == 3)
        await stage.end()
    }
}
