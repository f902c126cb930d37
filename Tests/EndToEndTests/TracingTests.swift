import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// W3C trace context in and out, and spans for a collector.
    @Suite("Tracing")
    struct Tracing {
        private struct Collected {
            let spans: [[String: Any]]
            let requests: [[String: Any]]

            init(_ text: String) {
                requests = text.split(separator: "\n").compactMap {
                    try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
                }
                spans = requests.flatMap { $0["spans"] as? [[String: Any]] ?? [] }
            }

            /// The two spans of a trace: ours and the server's part in it.
            func pair(_ trace: String) -> (served: [String: Any], asked: [String: Any])? {
                let mine = spans.filter { $0["traceId"] as? String == trace }
                guard mine.count == 2, let served = mine.first(where: { $0["kind"] as? Int == 2 }),
                    let asked = mine.first(where: { $0["kind"] as? Int == 3 })
                else { return nil }
                return (served, asked)
            }

            static func attribute(_ span: [String: Any], _ key: String) -> String? {
                let all = span["attributes"] as? [[String: Any]] ?? []
                return (all.first { $0["key"] as? String == key }?["value"] as? [String: Any])?["stringValue"]
                    as? String
            }
        }

        private static func trace(_ digit: Character) -> String { String(repeating: digit, count: 32) }
        private static let caller = "00f067aa0ba902b7"

        private static func parent(_ digit: Character, sampled: Bool = true) -> String {
            "00-\(trace(digit))-\(caller)-\(sampled ? "01" : "00")"
        }

        /// What a server heard: trace, span and flags.
        private static func heard(_ text: String?) -> [String] {
            guard let text,
                let range = text.range(of: "00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", options: .regularExpression)
            else { return [] }
            return text[range].split(separator: "-").map(String.init)
        }

        @Test("traces go on through the gateway, by head and by _meta, and a collector gets two spans for each request")
        func traces() async throws {
            let logs = try TemporaryDirectory("tracing")
            let (collectorPort, webPort) = (try FreePort.find(), try FreePort.find())
            let collector = try RunningProgram(
                Checkout.python("tracing"), [Checkout.client("otlp_receiver.py"), "\(collectorPort)", "1"],
                environment: GatewayProcess.environment(home: logs.path), logs: logs, name: "collector")
            defer { collector.killTree() }
            let web = try RunningProgram(
                Checkout.python("current"), [Checkout.client("http_server.py"), "http", "\(webPort)"],
                environment: GatewayProcess.environment(home: logs.path), logs: logs, name: "web")
            defer { web.killTree() }
            for (port, program) in [(collectorPort, collector), (webPort, web)] {
                try await eventuallyTrue("port \(port) to listen: \(program.errors)", within: .seconds(20)) {
                    try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/", timeout: 1)) != nil }
                }
            }
            let gateway = try await EndToEnd.gateway(
                """
                servers:
                  demo: {command: \(Checkout.binary), args: [demo-server]}
                  web: {url: "http://127.0.0.1:\(webPort)/mcp"}
                tracing: {otlp_endpoint: "http://127.0.0.1:\(collectorPort)", headers: {X-Key: sesame}}
                rate_limits: {registration: 10000/min}

                """)
            func session(_ path: String) async throws -> PlainMCP {
                try await EndToEnd.session(
                    gateway, path, token: try await EndToEnd.logIn(gateway, to: path).tokens.access)
            }
            let demo = try await session("/demo/mcp")
            func call(_ client: PlainMCP, _ tool: String, _ parent: String?) async throws -> [String] {
                let changes = parent.map { ["traceparent": $0] } ?? [:]
                let text = PlainMCP.call(tool, id: 7)
                return Self.heard(try await onThread { try client.post(text, changes) }.text)
            }
            // By the head; to a program, which has no heads.
            let byHead = try await call(demo, "headers", Self.parent("a"))
            #expect(byHead.count == 4 && byHead[1] == Self.trace("a") && byHead[2] != Self.caller && byHead[3] == "01")
            // By the message, which says more than a head that something on the way may have set; of the modern era.
            let modern = PlainModernMCP(port: gateway.port, path: "/demo/mcp", token: demo.token)
            let answer = try await onThread {
                try modern.call(
                    "headers", meta: #","traceparent":"\#(Self.parent("b"))""#,
                    changing: ["traceparent": Self.parent("c")])
            }
            let byMessage = Self.heard(answer.text)
            #expect(byMessage.count == 4 && byMessage[1] == Self.trace("b"), "\(answer.messages)")
            // To a server over HTTP by a head of its own.
            let there = try await call(try await session("/web/mcp"), "fields", Self.parent("d"))
            #expect(there.count == 4 && there[1] == Self.trace("d"))
            // Through all servers as one.
            let all = try await session("/mcp")
            let joined = try await call(all, "demo__headers", Self.parent("e"))
            #expect(joined.count == 4 && joined[1] == Self.trace("e"))
            // Who does not want to be recorded is not, and the server hears that as well.
            let unsampled = try await call(demo, "headers", Self.parent("f", sampled: false))
            #expect(unsampled.count == 4 && unsampled[1] == Self.trace("f") && unsampled[3] == "00")
            // What is no context begins a trace of its own.
            let own = try await call(demo, "headers", "00-nonsense")
            #expect(own.count == 4 && own[3] == "01")
            // The farewell tries once: who is busy then gets nothing.
            try await eventuallyTrue("the collector to refuse one") { collector.output.contains("\"busy\"") }
            // One that fails, right before the end.
            _ = try await onThread {
                try demo.post(PlainMCP.request("nonsense/method", id: 9), ["traceparent": Self.parent("9")])
            }
            #expect(try await gateway.terminate() == .exited(0))
            let collected = Collected(collector.output)
            #expect(collected.requests.contains { $0["busy"] as? Bool == true }, "one was refused for now")
            for request in collected.requests where request["spans"] != nil {
                #expect(request["path"] as? String == "/v1/traces" && request["key"] as? String == "sesame")
                #expect(request["service"] as? String == "sallyport")
                #expect(request["parsed"] as? Int == (request["spans"] as? [Any])?.count)
            }
            #expect(!collected.requests.contains { $0["error"] != nil }, "\(collector.output.prefix(800))")
            for (trace, span, server) in [
                (Self.trace("a"), byHead[2], "demo"), (Self.trace("b"), byMessage[2], "demo"),
                (Self.trace("d"), there[2], "web"), (Self.trace("e"), joined[2], "demo"),
            ] {
                let pair = try #require(collected.pair(trace), "\(trace): \(collector.output.prefix(2000))")
                #expect(pair.served["parentSpanId"] as? String == Self.caller)
                #expect(pair.asked["parentSpanId"] as? String == pair.served["spanId"] as? String)
                #expect(pair.asked["spanId"] as? String == span)
                #expect(
                    pair.served["name"] as? String == (server == "web" ? "tools/call fields" : "tools/call headers"))
                #expect(Collected.attribute(pair.asked, "sallyport.server") == server)
                #expect(Collected.attribute(pair.served, "user.id") != nil && pair.served["status"] == nil)
            }
            #expect(collected.pair(own[1])?.served["parentSpanId"] == nil)
            #expect(!collected.spans.contains { $0["traceId"] as? String == Self.trace("f") })
            let failed = try #require(collected.pair(Self.trace("9")), "the last one was sent before the end")
            #expect((failed.served["status"] as? [String: Any])?["code"] as? Int == 2)
            #expect(failed.served["name"] as? String == "other", "a name of a stranger's is in no metric and no span")
        }
    }
}
