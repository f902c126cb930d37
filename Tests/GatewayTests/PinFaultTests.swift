import Crypto
import Foundation
import MCP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Pins where servers, or the place where approvals are kept, do not behave.
@Suite("Pins and faults", .timeLimit(.minutes(2)))
struct PinFaultTests {
    @Test(
        "P04, pins: a list in another form is no way past, and what cannot be read is nobody's to call",
        arguments: [
            (#"[{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"a","description":"three"}]}}]"#, true),
            (
                #"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"name":"a","description":"one","inputSchema":{"type":"object"}},{"name":"a","description":"evil"}]}}"#,
                true
            ),
            (
                #"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"description":"no name"},7,{"name":"a","description":"3"}]}}"#,
                true
            ),
            (#"{"jsonrpc":"2.0","id":ID,"result":{"tools":[{"n\u0061me":"\u0061","description":"3"}]}}"#, true),
            (#"{"jsonrpc":"2.0","id":ID,"result":{"tools":{"name":"a","description":"evil"}}}"#, false),
            (#"{"jsonrpc":"2.0","id":ID,"result":{"definitions":"evil"}}"#, false),
            (#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32603,"message":"no"}}"#, false),
        ])
    func hostile(line: String, isList: Bool) async throws {
        let tools = try PinnedTools(["a:one"])
        try await PinTests.withPins([tools.server(.enforce)]) { bench, ledger in
            let client = try await PinTests.Client(bench, "legacy")
            _ = try await client.names()
            await bench.gateway.pins.settle()
            ledger.approve("a")
            await bench.gateway.pins.settle()
            #expect(try await client.reaches("a"))
            let raw = try #require(String(data: JSONEncoder().encode(line), encoding: .utf8))
            try tools.say([], #","raw":\#(raw)"#)
            let list = try await client.list()
            #expect(!list.messages.joined().contains("evil"), "\(list.messages)")
            #expect(isList ? list.result != nil && list.listed("tools").isEmpty : list.errorCode == -32603)
            if isList { #expect(try await client.reaches("a") == false) }
            let fresh = try await PinTests.Client(bench, "legacy")
            let answer = try await fresh.call("a")
            #expect(answer.errorCode == (isList ? -32602 : -32603), "\(answer.messages)")
        }
    }

    @Test("F04, pins: a server that never lists its tools holds its own calls, until they are over")
    func mute() async throws {
        let tools = try PinnedTools(["a:one"], #","mute":true"#)
        var server = tools.server(.enforce)
        server.callTimeout = .milliseconds(300)
        try await PinTests.withPins([server]) { bench, _ in
            let client = try await PinTests.Client(bench, "legacy")
            #expect(try await client.call("a").errorCode == 1001)
            try tools.say(["a:one"])
            #expect(try await client.reaches("a") == false)
        }
    }

    @Test("pins: without a ledger, or one that cannot be read, nothing is approved; it is tried again")
    func broken() async throws {
        let tools = try PinnedTools(["a:one"])
        try await withBench([tools.server(.enforce)]) { bench in
            try await bench.gateway.prepare()
            let client = try await PinTests.Client(bench, "legacy")
            await bench.gateway.pins.settle()
            #expect(try await client.names().isEmpty)
            #expect(try await client.reaches("a") == false)
        }
        try await PinTests.withPins([tools.server(.enforce)]) { bench, ledger in
            ledger.breakDown(true)
            await #expect(throws: PinLedgerError.self) { try await bench.gateway.prepare() }
            let client = try await PinTests.Client(bench, "legacy")
            #expect(try await client.names().isEmpty)
            await bench.gateway.pins.settle()
            ledger.breakDown(false)
            await bench.gateway.pins.settle()
            #expect(ledger.seen() == ["a"], "nothing was lost")
            ledger.approve("a")
            await bench.gateway.pins.settle()
            ledger.breakDown(true)
            await bench.gateway.pins.settle()
            #expect(try await client.reaches("a"), "what was approved stays so")
        }
    }

    @Test("M10, pins: a server that goes on changing is told about so often, and has so many tools")
    func bounds() {
        let (trail, registry) = (Trail(), MetricsRegistry())
        let book = PinBook(server: "s", mode: .enforce, audit: trail.log, clock: .system, metrics: registry)
        func definition(_ name: String, _ text: String) -> ToolDefinition {
            ToolDefinition(name: Array(name.utf8), text: Array(text.utf8))
        }
        book.load([Array("t".utf8): definition("t", "0").digest])
        for index in 0..<1000 { book.saw([definition("t", "\(index)")]) }
        #expect(trail.all.count == 8)
        #expect(book.takeSightings().count <= 2 * ToolSighting.maximumTools)
        book.saw((0..<3000).map { definition("t\($0)", "x") } + [definition(String(repeating: "n", count: 257), "x")])
        let names = Set(book.takeSightings().map(\.definition.name))
        #expect(names.count == ToolSighting.maximumTools - 1, "with the one from before")
        #expect(!names.contains { $0.count > 256 })
        #expect(!book.permits(Array("t2999".utf8), definition("t2999", "x").digest))
    }
}
