import Crypto
import Foundation
import MCP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What happens when a server says something else of a tool than what was approved (`pin`).
@Suite("Pins of tools", .timeLimit(.minutes(2)))
struct PinTests {
    /// A client of either era, for what is the same in both.
    struct Client: Sendable {
        let legacy: PlainMCP?
        let modern: PlainModernMCP

        init(_ bench: Bench, _ era: String, path: String = "/demo/mcp") async throws {
            legacy = era == "legacy" ? try await bench.open(path) : nil
            modern = PlainModernMCP(port: bench.port, path: path, token: "alice")
        }

        func list() async throws -> MCPAnswer {
            guard let legacy else { return try await modern.ask("tools/list") }
            return try await legacy.send(PlainMCP.request("tools/list", id: 1))
        }

        func names() async throws -> [String] { try await list().listed("tools") }

        func call(_ tool: String) async throws -> MCPAnswer {
            guard let legacy else { return try await modern.say(tool) }
            return try await legacy.say(tool)
        }

        /// Whether a tool is there to call, and where it is not, whether it looks like one that never was.
        func reaches(_ tool: String) async throws -> Bool {
            let answer = try await call(tool)
            if answer.result != nil { return true }
            #expect(answer.errorCode == -32602 && answer.errorMessage == "Unknown tool", "\(answer.messages)")
            return false
        }
    }

    /// Runs `body` with a gateway and what it knows to be approved.
    static func withPins(
        _ servers: [ServerDefinition], aggregate: Bool = false, registry: MetricsRegistry = MetricsRegistry(),
        _ body: (Bench, TestLedger) async throws -> Void
    ) async throws {
        let ledger = TestLedger()
        try await withBench(servers) { configuration in
            configuration.pins = ledger
            configuration.metrics = registry
            if aggregate { configuration.aggregate = AggregateConfiguration() }
        } _: { bench in
            try await bench.gateway.prepare()
            try await body(bench, ledger)
        }
    }

    static let fronts = ["legacy", "modern"]

    @Test("report: what comes first is trusted, a change is told once and stays in use", arguments: fronts, fronts)
    func reported(front: String, era: String) async throws {
        let tools = try PinnedTools(["a:one", "b:one"])
        let registry = MetricsRegistry()
        try await Self.withPins([tools.server(.report, era: era)], registry: registry) { bench, ledger in
            let client = try await Client(bench, front)
            #expect(try await client.names() == ["a", "b"])
            await bench.gateway.pins.settle()
            #expect(ledger.seen() == ["a", "b"])
            try tools.say(["a:two", "b:one"])
            for _ in 0..<2 {
                #expect(try await client.list().messages.last?.contains("two") == true)
                #expect(try await client.reaches("a"))
                await bench.gateway.pins.settle()
            }
            let changes = bench.trail.all.filter { $0.action == .toolChanged }
            #expect(changes.count == 1 && changes.first?.tool == "a" && changes.first?.server == "demo")
            let metrics = String(decoding: registry.prometheusText(), as: UTF8.self)
            #expect(metrics.contains(#"sallyport_tool_changes_total{server="demo"} 1"#))
            #expect(metrics.contains(#"sallyport_tools_unapproved{server="demo"} 1"#))
        }
    }

    @Test(
        "enforce: what is not approved is absent from lists and refused in calls, and back as soon as it is",
        arguments: fronts, fronts)
    func enforced(front: String, era: String) async throws {
        let tools = try PinnedTools(["a:one", "b:one"])
        try await Self.withPins([tools.server(.enforce, era: era)]) { bench, ledger in
            let client = try await Client(bench, front)
            #expect(try await client.names().isEmpty)
            #expect(try await client.reaches("a") == false)
            await bench.gateway.pins.settle()
            #expect(ledger.seen() == ["a", "b"], "they wait for approval")
            ledger.approve("a")
            await bench.gateway.pins.settle()
            #expect(try await client.names() == ["a"])
            #expect(try await client.reaches("unlisted") == false, "what the server does not name has no definition")
            let first = try await client.call("a").said
            #expect(first["calls"] as? [String] == ["a"], "the server never heard of what was refused")
            #expect(try await client.reaches("b") == false)

            try tools.say(["a:two", "b:one"])
            let list = try await client.list()
            #expect(list.listed("tools").isEmpty)
            if front == "modern", era == "modern" { #expect(list.result?["ttlMs"] as? Int == 0, "nobody keeps it") }
            #expect(try await client.reaches("a") == false)
            #expect(bench.trail.all.filter { $0.action == .toolChanged }.map(\.outcome) == [.denied])
            await bench.gateway.pins.settle()
            ledger.approve("a")
            await bench.gateway.pins.settle()
            #expect(try await client.reaches("a"), "without another list")
            #expect(try await client.names() == ["a"])
            let again = try await client.call("a").said
            #expect(again["pid"] as? Int == first["pid"] as? Int, "nothing was restarted")
            #expect(again["calls"] as? [String] == ["a", "a", "a"])

            ledger.forget("a")
            await bench.gateway.pins.settle()
            #expect(try await client.names().isEmpty)
            #expect(try await client.reaches("a") == false)
        }
    }

    @Test(
        "R05, pins: a call before anything was listed waits until the gateway has asked itself, page by page",
        arguments: fronts, fronts)
    func unlisted(front: String, era: String) async throws {
        let tools = try PinnedTools(["a:one", "b:one", "c:one"], #","page":1"#)
        try await Self.withPins([tools.server(.enforce, era: era)]) { bench, ledger in
            #expect(try await Client(bench, front).reaches("c") == false)
            await bench.gateway.pins.settle()
            #expect(ledger.seen() == ["a", "b", "c"])
            ledger.approve("a", "b", "c")
            await bench.gateway.pins.settle()
            for session in bench.gateway.directory.all { await session.finish(.idle) }
            let fresh = try await Client(bench, front)
            let said = try await fresh.call("c").said
            // The era bridge lists for itself before a first call.
            let lists = front == "modern" ? 6 : 3
            #expect(said["calls"] as? [String] == ["c"] && said["lists"] as? Int == lists, "\(said)")
            #expect(try await fresh.call("b").said["lists"] as? Int == lists, "once is enough")
            try tools.say(["a:one", "b:one", "c:two"], #","page":1"#)
            for session in bench.gateway.directory.all { await session.finish(.idle) }
            let last = try await Client(bench, front)
            #expect(try await last.reaches("c") == false)
            #expect(try await last.reaches("b"))
        }
    }

    @Test("pins: a server that announces a change is asked before the next call", arguments: fronts)
    func announced(era: String) async throws {
        let tools = try PinnedTools(["a:one", "changed:one"])
        try await Self.withPins([tools.server(.enforce, era: era)]) { bench, ledger in
            let client = try await Client(bench, "legacy")
            _ = try await client.names()
            await bench.gateway.pins.settle()
            ledger.approve("a", "changed")
            await bench.gateway.pins.settle()
            #expect(try await client.reaches("a"))
            try tools.say(["a:two", "changed:one"])
            #expect(try await client.reaches("a"), "nobody knows")
            #expect(try await client.reaches("changed"))
            #expect(try await client.reaches("a") == false)
            #expect(try await client.reaches("changed"))
        }
    }

    @Test("pins: clients are told when an approval changes what they see", arguments: fronts, fronts)
    func told(front: String, era: String) async throws {
        let tools = try PinnedTools(["a:one"])
        try await Self.withPins([tools.server(.enforce, era: era)]) { bench, ledger in
            let client = try await Client(bench, front)
            #expect(try await client.names().isEmpty)
            let stream: Stream
            if let legacy = client.legacy {
                stream = try await legacy.listen()
            } else {
                stream = try await client.modern.listen(#"{"toolsListChanged":true}"#, id: "7")
                _ = try await stream.next()
            }
            await bench.gateway.pins.settle()
            // A session of its own may serve a listen; it has to have seen something to be told about.
            #expect(try await client.names().isEmpty)
            ledger.approve("a")
            await bench.gateway.pins.settle()
            let event = try await stream.next()
            #expect(event?.object["method"] as? String == "notifications/tools/list_changed")
            #expect(try await client.names() == ["a"])
        }
    }

    @Test("R05, pins: names are the server's own, before any renaming; a batch carries nothing past")
    func renamed() async throws {
        let tools = try PinnedTools(["a:one", "b:one", "c:one"])
        let filter = ToolFilter(deny: ["c"], rename: ["a": "x"])
        try await Self.withPins([tools.server(.enforce, tools: filter)]) { bench, ledger in
            let client = try await bench.open(version: "2025-03-26")
            func list() async throws -> [String] {
                try await client.send(PlainMCP.request("tools/list", id: 1)).listed("tools")
            }
            #expect(try await list().isEmpty)
            await bench.gateway.pins.settle()
            #expect(ledger.seen() == ["a", "b", "c"])
            ledger.approve("a", "c")
            await bench.gateway.pins.settle()
            #expect(try await list() == ["x"])
            let calls = ["x", "b", "a", "c"].enumerated().map {
                PlainMCP.request("tools/call", id: $0.offset + 1, #"{"name":"\#($0.element)","arguments":{}}"#)
            }
            let answer = try await client.send("[\(calls.joined(separator: ","))]")
            #expect(answer.messages.count == 4 && answer.messages.filter { $0.contains("-32602") }.count == 3)
            for odd in [#"["a"]"#, #"{"name":["b"]}"#, #"{"name":7}"#] {
                let answer = try await client.send(PlainMCP.request("tools/call", id: 9, odd))
                #expect(answer.errorMessage == "Unknown tool", "\(answer.messages)")
            }
            try tools.say(["a:two", "b:one"])
            #expect(try await list().isEmpty)
            #expect(try await client.say("x").errorMessage == "Unknown tool")
        }
    }

    @Test("R05, pins: the same where processes are shared", arguments: [Isolation.user, .shared])
    func shared(isolation: Isolation) async throws {
        let tools = try PinnedTools(["a:one"])
        try await Self.withPins([tools.server(.enforce, isolation: isolation)]) { bench, ledger in
            let (one, two) = (try await Client(bench, "legacy"), try await Client(bench, "modern"))
            #expect(try await one.reaches("a") == false)
            #expect(try await two.reaches("a") == false)
            await bench.gateway.pins.settle()
            ledger.approve("a")
            await bench.gateway.pins.settle()
            #expect(try await one.reaches("a"))
            #expect(try await two.reaches("a"))
            #expect(try await one.names() == ["a"])
            #expect(try await two.names() == ["a"])
            try tools.say(["a:two"])
            #expect(try await one.names().isEmpty)
            #expect(try await one.reaches("a") == false)
            #expect(try await two.reaches("a") == false, "it is one connection")
        }
    }

    @Test("R05, pins: the same at the address of all servers", arguments: fronts)
    func aggregated(front: String) async throws {
        let tools = try PinnedTools(["a:one", "b:one"])
        let servers = [tools.server(.enforce), .member("other", #""tools":["a"]"#)]
        try await Self.withPins(servers, aggregate: true) { bench, ledger in
            let client = try await Client(bench, front, path: "/mcp")
            #expect(try await client.names() == ["other__a"])
            #expect(try await client.reaches("demo__a") == false)
            await bench.gateway.pins.settle()
            ledger.approve("a")
            await bench.gateway.pins.settle()
            try await eventuallyTrue("the tool is back") { try await client.names() == ["demo__a", "other__a"] }
            #expect(try await client.reaches("demo__a"))
            #expect(try await client.reaches("other__a"))
            #expect(try await client.reaches("demo__b") == false)
            try tools.say(["a:two", "b:one", "changed:one"])
            // Somebody else sees the change; the list that is kept here is that of a server that announces.
            _ = try await Client(bench, "legacy").names()
            await bench.gateway.pins.settle()
            ledger.approve("b")
            await bench.gateway.pins.settle()
            try await eventuallyTrue("the list is asked for anew") {
                try await client.names() == ["demo__b", "other__a"]
            }
            #expect(try await client.reaches("demo__a") == false)
            #expect(try await client.reaches("demo__b"))
            #expect(try await client.reaches("other__a"))
        }
    }
}
