import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What Prometheus is told of calls, sessions and processes.
@Suite("Metrics of servers", .timeLimit(.minutes(2)))
struct CallMetricsTests {
    /// What a registry tells.
    private struct Numbers: Sendable {
        let registry = MetricsRegistry()

        subscript(name: String) -> Double? {
            String(decoding: registry.prometheusText(), as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Double($0) }
        }

        func errors(_ type: String) -> Double? { self[#"sallyport_call_errors_total{server="demo",type="\#(type)"}"#] }

        func outcome(_ outcome: String) -> Double? {
            self[#"sallyport_calls_total{server="demo",method="tools/call",outcome="\#(outcome)"}"#]
        }
    }

    private static func withNumbers(
        _ server: ServerDefinition = .python("demo", Script.server, timeout: .seconds(2)),
        _ change: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (Bench, Numbers) async throws -> Void
    ) async throws {
        let numbers = Numbers()
        try await withBench([server]) { configuration in
            configuration.metrics = numbers.registry
            change(&configuration)
        } _: { bench in
            try await body(bench, numbers)
        }
    }

    @Test("S3-46, S2-43: calls that came to nothing are counted by what went wrong, and by outcome")
    func errors() async throws {
        var server = ServerDefinition.python("demo", Script.server, timeout: .seconds(2))
        server.tools = ToolFilter(deny: ["hidden"])
        try await Self.withNumbers(server) { bench, numbers in
            let client = try await bench.open()
            #expect(try await client.say("echo", id: 1, #"{"message":"x"}"#).text == "x")
            #expect(numbers.outcome("answered") == 1)
            _ = try await client.say("fails", id: 2)
            #expect(numbers.errors("tool_error") == 1 && numbers.outcome("answered") == 2)
            #expect(try await client.say("hidden", id: 3).errorCode != nil)
            #expect(numbers.errors("unknown_tool") == 1 && numbers.outcome("refused") == 1)
            #expect(try await client.send(PlainMCP.request("no/such", id: 4)).errorCode == -32601)
            #expect(numbers.errors("server_error") == 1 && numbers.outcome("refused") == 1)
            #expect(try await client.say("hang", id: 5).errorCode == 1001)
            #expect(numbers.errors("timed_out") == 1 && numbers.outcome("timed_out") == 1)
            #expect(try await client.say("exit", id: 6).errorCode == -32603)
            #expect(numbers.errors("session_ended") == 1 && numbers.outcome("failed") == 1)
            #expect(numbers.errors("cancelled") == 0 && numbers.errors("forbidden") == 0)
        }
    }

    @Test("S3-46: what the access policy refuses is an error of its own")
    func forbidden() async throws {
        try await Self.withNumbers { configuration in
            var rules = AccessRules()
            rules.mappings = ["*": ["all"]]
            rules.permissions = ["demo:echo": ["all"]]
            configuration.access = rules
        } _: { bench, numbers in
            let client = try await bench.open()
            #expect(try await client.say("meta", id: 1).errorCode != nil)
            #expect(numbers.errors("forbidden") == 1 && numbers.errors("unknown_tool") == 0)
        }
    }

    @Test("S2-42: of the time of a call that is the gateway's which the server did not have the request for")
    func split() async throws {
        try await Self.withNumbers { bench, numbers in
            let client = try await bench.open()
            func sum(_ part: String) -> Double {
                numbers[#"sallyport_\#(part)_duration_seconds_sum{server="demo"}"#] ?? -1
            }
            func count(_ part: String) -> Double? {
                numbers[#"sallyport_\#(part)_duration_seconds_count{server="demo"}"#]
            }
            let before = (call: sum("call"), own: sum("gateway"))
            #expect(before.own > 0 && before.own < before.call)
            #expect(try await client.say("sleep", id: 1, #"{"seconds":0.4}"#).text == "slept")
            let call = sum("call") - before.call
            let own = sum("gateway") - before.own
            #expect(call >= 0.39 && own > 0 && call - own >= 0.39, "\(call) \(own)")
            #expect(try await client.say("hang", id: 2).errorCode == 1001)
            #expect(sum("call") - sum("gateway") >= 2, "who waits in vain waits for the server")
            #expect(count("call") == count("gateway"))
        }
    }

    @Test("S2-40, S2-41: sessions that begin, how long they last, and the processes that they have")
    func sessions() async throws {
        try await Self.withNumbers { bench, numbers in
            let demo = #"{server="demo"}"#
            for name in ["sessions_begun_total", "process_starts_total", "process_ends_total", "processes"] {
                #expect(numbers["sallyport_\(name)\(demo)"] == 0, "there from the start on: \(name)")
            }
            let clients = [try await bench.open(), try await bench.open("/demo/mcp", "bob")]
            #expect(numbers["sallyport_sessions_begun_total\(demo)"] == 2)
            #expect(numbers["sallyport_process_starts_total\(demo)"] == 2)
            #expect(numbers["sallyport_processes\(demo)"] == 2)
            #expect(numbers["sallyport_session_duration_seconds_count\(demo)"] == 0)
            let answer = try await bench.request("DELETE", "/demo/mcp", clients[0].headers)
            #expect(answer.status == 204)
            #expect(numbers["sallyport_session_duration_seconds_count\(demo)"] == 1)
            #expect((numbers["sallyport_session_duration_seconds_sum\(demo)"] ?? 0) > 0)
            try await eventuallyTrue("the process to be gone") { numbers["sallyport_processes\(demo)"] == 1 }
            #expect(numbers["sallyport_process_ends_total\(demo)"] == 1)
            #expect(try await clients[1].say("echo", id: 1, #"{"message":"on"}"#).text == "on")
        }
    }

    @Test("O05: a limit that was reached is counted by its name")
    func limits() async throws {
        try await Self.withNumbers { configuration in
            configuration.limits.sessionsPerUser = 1
            configuration.limits.callsPerPrincipal = 1
        } _: { bench, numbers in
            func limit(_ name: String) -> Double? { numbers[#"sallyport_limits_reached_total{limit="\#(name)"}"#] }
            #expect(["sessions", "sessions_per_user", "calls", "streams", "starts"].allSatisfy { limit($0) == 0 })
            let client = try await bench.open()
            let initialize = PlainMCP.request(
                "initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#)
            let more = PlainMCP(port: bench.port, path: "", token: "alice").headers
            #expect(try await bench.request("POST", "/demo/mcp", more, initialize).status == 429)
            #expect(limit("sessions_per_user") == 1)
            try await eventuallyTrue("a call too many") {
                async let one = client.say("sleep", id: 1, #"{"seconds":0.3}"#)
                async let other = client.say("sleep", id: 2, #"{"seconds":0.3}"#)
                return try await [one.status, other.status].contains(429)
            }
            #expect((limit("calls") ?? 0) >= 1)
        }
    }

    @Test("a server whose starts keep failing says so, since when and by which word; the first that works ends it")
    func failing() async throws {
        let folder = try TemporaryDirectory("failing")
        let script = "import os, sys\nif not os.path.exists(sys.argv[1]): sys.exit(7)\n" + Script.server
        let server = ServerDefinition.python("demo", script, [folder.file("works")])
        try await Self.withNumbers(server) { bench, numbers in
            let demo = #"{server="demo"}"#
            func health() throws -> ServerHealth { try #require(bench.gateway.health.first) }
            #expect(try health().state == .idle && health().processes == 0)
            let initialize = PlainMCP.request(
                "initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#)
            let headers = PlainMCP(port: bench.port, path: "", token: "alice").headers
            try await eventuallyTrue("the server to be given up on", within: .seconds(30)) {
                _ = try await bench.request("POST", "/demo/mcp", headers, initialize)
                return try health().state == .failing
            }
            #expect(try health().reason == "exited" && health().since != nil)
            #expect(bench.gateway.unavailableServers == ["demo"])
            #expect(numbers["sallyport_server_failing\(demo)"] == 1)
            #expect(numbers["sallyport_server_start_failures_total\(demo)"] == Double(StartRecord.threshold))
            _ = try folder.write("works", "")
            try await eventuallyTrue("the server to be tried again", within: .seconds(30)) {
                try await bench.request("POST", "/demo/mcp", headers, initialize).status == 200
            }
            #expect(try health().state == .running && health().processes == 1 && health().sessions == 1)
            #expect(bench.gateway.unavailableServers == [] && numbers["sallyport_server_failing\(demo)"] == 0)
        }
    }
}
