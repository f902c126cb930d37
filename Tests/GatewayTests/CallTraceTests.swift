import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What a collector is told about requests.
@Suite("Spans of requests", .timeLimit(.minutes(1)))
struct CallTraceTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let caller = "00f067aa0ba902b7"
    private static let other = parent(String(repeating: "b", count: 32))

    private static func parent(_ trace: String = trace, flags: String = "01") -> String {
        "00-\(trace)-\(caller)-\(flags)"
    }

    private static func withTraces(
        _ servers: [ServerDefinition] = [.python("demo", Script.server)], ratio: Double = 1, aggregate: Bool = false,
        _ body: (Bench, SpanBuffer) async throws -> Void
    ) async throws {
        let spans = SpanBuffer(in: MetricsRegistry())
        try await withBench(servers) { configuration in
            configuration.tracer = Tracer(spans, ratio: ratio)
            if aggregate { configuration.aggregate = AggregateConfiguration() }
        } _: { bench in
            try await body(bench, spans)
        }
    }

    /// The two spans of a request: ours, and the server's part in it.
    private static func pair(_ spans: SpanBuffer) async throws -> (served: TraceSpan, asked: TraceSpan) {
        var all: [TraceSpan] = []
        try await eventuallyTrue("two spans") {
            all += spans.take(10)
            return all.count >= 2
        }
        #expect(all.map(\.kind) == [.client, .server])
        return (try #require(all.last), try #require(all.first))
    }

    private static func texts(_ span: TraceSpan) -> [String: String] {
        Dictionary(
            span.attributes.compactMap { attribute in
                guard case .string(let text) = attribute.value else { return nil }
                return (attribute.key, text)
            }, uniquingKeysWith: { first, _ in first })
    }

    @Test("O01: a span says who asked what of whom, and nothing of tokens, session ids, arguments and results")
    func contents() async throws {
        try await Self.withTraces { bench, spans in
            let client = try await bench.open()
            let call = PlainMCP.call("echo", id: 2, #"{"message":"argument-of-hers"}"#)
            #expect(try await client.send(call, ["traceparent": Self.parent()]).text == "argument-of-hers")
            let (served, asked) = try await Self.pair(spans)
            #expect(served.parentID == Self.caller && asked.parentID == served.context.parentID)
            #expect(served.context.traceID == Self.trace && asked.context.traceID == Self.trace)
            #expect(served.name == "tools/call echo" && served.error == nil && served.start <= served.end)
            var expected = [
                "mcp.method.name": "tools/call", "sallyport.server": "demo", "user.id": "alice",
                "sallyport.client_id": "c1", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "echo",
            ]
            expected["sallyport.request_id"] = Self.texts(asked)["sallyport.request_id"]
            #expect(Self.texts(asked) == expected && expected["sallyport.request_id"]?.utf8.count == 24)
            expected["client.address"] = "127.0.0.1"
            let port = served.attributes.first { $0.key == "client.port" }?.value
            if case .integer(let number) = port {
                #expect((1...65535).contains(number))
            } else {
                Issue.record("no port")
            }
            #expect(Self.texts(served) == expected)
            let session = try #require(client.session)
            for text in ["\(served)", "\(asked)"] {
                #expect(!text.contains("Bearer") && !text.contains(session) && !text.contains("argument-of-hers"))
            }
        }
    }

    @Test("the server's part lasts from when it is handed the request until its answer comes, inside of ours")
    func parts() async throws {
        try await Self.withTraces { bench, spans in
            let client = try await bench.open()
            _ = try await client.send(
                PlainMCP.call("sleep", id: 2, #"{"seconds":0.3}"#), ["traceparent": Self.parent()])
            let (served, asked) = try await Self.pair(spans)
            #expect(asked.end - asked.start >= 290_000_000)
            #expect(asked.start > served.start && asked.end < served.end)
        }
    }

    @Test("what never reaches the server has no span of its part, and says what went wrong")
    func unasked() async throws {
        var server = ServerDefinition.python("demo", Script.server)
        server.tools = ToolFilter(deny: ["hidden"])
        try await Self.withTraces([server]) { bench, spans in
            let client = try await bench.open()
            #expect(try await client.send(PlainMCP.call("hidden", id: 2)).errorCode != nil)
            var all: [TraceSpan] = []
            try await eventuallyTrue("a span") {
                all += spans.take(10)
                return !all.isEmpty
            }
            #expect(all.map(\.kind) == [.server] && all.first?.error == "unknown_tool")
        }
    }

    @Test("the message says more than its head, and what is malformed says nothing")
    func places() async throws {
        let other = String(repeating: "b", count: 32)
        try await Self.withTraces { bench, spans in
            let client = try await bench.open()
            func trace(_ meta: String, _ head: String) async throws -> (trace: String, parent: String?) {
                let parameters = #"{"name":"echo","arguments":{"message":"x"},"_meta":{"traceparent":\#(meta)}}"#
                _ = try await client.send(PlainMCP.request("tools/call", id: 3, parameters), ["traceparent": head])
                let served = try await Self.pair(spans).served
                return (served.context.traceID, served.parentID)
            }
            #expect(try await trace("\"\(Self.parent())\"", Self.parent(other)).trace == Self.trace)
            #expect(try await trace("7", Self.parent(other)).trace == other)
            for (meta, head) in [("\"00-nonsense\"", Self.parent(other)), ("null", "00-nonsense")] {
                let own = try await trace(meta, head)
                #expect(own.trace != other && own.trace != Self.trace && own.parent == nil, "\(meta)")
            }
        }
    }

    @Test(
        "W3C Trace Context §4.3: tracestate goes along with the traceparent that it belongs to, and with no other",
        arguments: [
            ("\"\(parent())\"", other, "v=1"), ("\"cc-\(trace)-\(caller)-01-more\"", other, "v=1"),
            ("\"00-nonsense\"", other, nil), ("7", other, "w=2"), (nil, other, "w=2"),
            (nil, "ff" + other.dropFirst(2), nil),
            (nil, "", nil),
        ] as [(String?, String, String?)])
    func state(parent: String?, head: String, expected: String?) async throws {
        try await Self.withTraces { bench, spans in
            let client = try await bench.open()
            let own = parent.map { "\"traceparent\":\($0)," } ?? ""
            let parameters = #"{"name":"meta","arguments":{},"_meta":{\#(own)"tracestate":"v=1"}}"#
            let answer = try await client.send(
                PlainMCP.request("tools/call", id: 3, parameters), ["traceparent": head, "tracestate": "w=2"])
            let told = answer.said
            #expect(told["tracestate"] as? String == expected, "\(told)")
            #expect((told["traceparent"] as? String)?.utf8.count == 55, "\(told)")
        }
    }

    @Test("of two heads that say different things none is right")
    func twice() async throws {
        try await Self.withTraces { bench, spans in
            let client = try await bench.open()
            let call = PlainMCP.call("echo", id: 2, #"{"message":"x"}"#)
            let heads = ["traceparent": Self.parent(), "Traceparent": Self.other, "tracestate": "a=1"]
            #expect(try await client.send(call, heads).text == "x")
            let served = try await Self.pair(spans).served
            #expect(![Self.trace, String(repeating: "b", count: 32)].contains(served.context.traceID))
            #expect(served.parentID == nil)
        }
    }

    @Test("W3C Trace Context §4.3: a server over HTTP gets tracestate as a head and in _meta, bounded")
    func remoteState() async throws {
        let spans = SpanBuffer(in: MetricsRegistry())
        try await withRemote(gateway: { $0.tracer = Tracer(spans, ratio: 1) }) { bench, remote in
            let client = try await bench.open("/remote/mcp")
            func told(_ parent: String, _ state: String) async throws -> (head: [String], meta: String?) {
                let before = remote.seen.count
                _ = try await client.send(
                    PlainMCP.call("meta", id: 2), ["traceparent": parent, "tracestate": state])
                let seen = try #require(remote.seen.dropFirst(before).first { $0.method == "tools/call" })
                #expect(seen.values("traceparent").count == 1)
                let meta = (seen.object["params"] as? [String: Any])?["_meta"] as? [String: Any]
                return (seen.values("tracestate"), meta?["tracestate"] as? String)
            }
            let kept = try await told(Self.parent(), "a=1,b@c=2")
            #expect(kept.head == ["a=1,b@c=2"] && kept.meta == "a=1,b@c=2")
            let long = String(repeating: "x", count: 200)
            let bounded = try await told(Self.parent(), "a=\(long),b=\(long),c=\(long),d=1")
            #expect(bounded.head == ["a=\(long),b=\(long),d=1"] && bounded.meta == bounded.head.first)
            let crowd = (1...33).map { "k\($0)=1" }.joined(separator: ",")
            for (parent, state) in [(Self.parent(), crowd), ("00-nonsense", "a=1"), (Self.parent(), "A=1")] {
                let none = try await told(parent, state)
                #expect(none.head == [] && none.meta == nil)
            }
        }
    }

    @Test("what its client does not want recorded is not, and of what begins here so much as the ratio says")
    func sampling() async throws {
        try await Self.withTraces(ratio: 0) { bench, spans in
            let client = try await bench.open()
            let call = PlainMCP.call("echo", id: 2, #"{"message":"x"}"#)
            #expect(try await client.send(call).text == "x")
            #expect(try await client.send(call, ["traceparent": Self.parent(flags: "00")]).text == "x")
            #expect(try await client.send(call, ["traceparent": Self.parent()]).text == "x")
            #expect(try await Self.pair(spans).served.context.traceID == Self.trace)
            #expect(spans.take(10).isEmpty, "only the one that its client records")
        }
    }

    @Test(
        "what strangers name is in no name, or bounded; what went wrong is a word of a closed set",
        arguments: [("no/such\nmethod", "other"), ("tools/call", "tools/call")])
    func names(method: String, name: String) async throws {
        let tool = String(repeating: "t\u{e9}", count: 1 << 19)
        try await Self.withTraces { bench, spans in
            let client = try await bench.open()
            let parameters = method == "tools/call" ? #"{"name":"\#(tool)","arguments":{}}"# : "{}"
            let text = PlainMCP.request(method.replacing("\n", with: #"\n"#), id: 2, parameters)
            #expect(try await client.send(text).errorCode != nil)
            let (served, asked) = try await Self.pair(spans)
            for span in [served, asked] {
                let end = span.error.flatMap { CallEnd(rawValue: $0) }
                #expect(span.name.hasPrefix(name) && end != nil && end != .answered, "\(span.name.prefix(80))")
                #expect(span.name.utf8.count < 300 && !span.name.unicodeScalars.contains("\u{FFFD}"))
                #expect(Self.texts(span).values.allSatisfy { $0.utf8.count < 300 })
                if method != name { #expect(span.name == name && Self.texts(span)["mcp.method.name"] == name) }
            }
        }
    }

    @Test("at the address of all servers it is the one that was asked, and its own name of the tool, that count")
    func aggregated() async throws {
        try await Self.withTraces([.member("one"), .member("two")], aggregate: true) { bench, spans in
            let client = try await bench.open("/mcp")
            let answer = try await client.send(PlainMCP.call("two__echo", id: 2), ["traceparent": Self.parent()])
            #expect(answer.said["server"] as? String == "two")
            let (served, asked) = try await Self.pair(spans)
            for span in [served, asked] {
                #expect(span.name == "tools/call echo" && Self.texts(span)["sallyport.server"] == "two")
            }
        }
    }
}
