import AsyncIO
import Foundation
import HTTP
import MCP
import TestSupport
import Testing

@testable import Gateway

/// How it is found out which era a server speaks (d3, decision 0081).
@Suite("The era of a server", .timeLimit(.minutes(2)))
struct EraTests {
    /// How the server was opened, each time.
    private final class Openings {
        let directory: TemporaryDirectory
        let path: String
        init() throws {
            directory = try TemporaryDirectory()
            path = directory.file("openings")
        }
        var all: [String] {
            ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
        }
        func options(_ more: String = "") -> String { #"{"openings":"\#(path)"\#(more)}"# }
    }

    /// A session's `initialize`.
    private static func begin(_ bench: Bench) async throws -> MCPAnswer {
        let port = bench.port
        return try await onThread {
            var client = PlainMCP(port: port, path: "/demo/mcp", token: "alice")
            return try client.open()
        }
    }

    private static func name(_ answer: MCPAnswer) -> String? {
        (answer.result?["serverInfo"] as? [String: Any])?["name"] as? String
    }

    @Test("d3: a server that refuses the handshake is asked; what it says is remembered")
    func modern() async throws {
        let openings = try Openings()
        try await withBench([.modern(openings.options())]) { bench in
            for _ in 0..<3 {
                let answer = try await Self.begin(bench)
                #expect(Self.name(answer) == "modern")
            }
            #expect(openings.all == ["initialize", "server/discover", "server/discover"])
        }
    }

    @Test("d3, B0.1: a legacy server hears nothing but its handshake, a server of both eras has its legacy one used")
    func legacy() async throws {
        let openings = try Openings()
        try await withBench([.modern(openings.options(#","initialize":"legacy""#))]) { bench in
            for _ in 0..<2 { #expect(Self.name(try await Self.begin(bench)) == "old") }
            #expect(openings.all == ["initialize", "initialize"])
            let client = try await bench.legacy()
            #expect(try await client.say("x").text == "legacy", "nothing is added to what it gets")
        }
        // One that exits when anything comes before the handshake, as some SDKs' do.
        let strict = #"""
            import json, sys
            for number, line in enumerate(sys.stdin):
                message = json.loads(line)
                if number == 0 and message.get("method") != "initialize": sys.exit(1)
                if "id" in message:
                    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"protocolVersion": "2025-11-25",
                        "capabilities": {}, "serverInfo": {"name": "strict", "version": "1"}}}) + "\n")
                    sys.stdout.flush()
            """#
        try await withBench([.python("demo", strict)]) { bench in
            for _ in 0..<2 {
                let answer = try await Self.begin(bench)
                #expect(Self.name(answer) == "strict")
            }
        }
    }

    /// What a modern client is told by, and whether that spoke its era.
    private static func ask(_ bench: Bench) async throws -> String? {
        try await bench.modern().say("echo", #"{"message":"modern"}"#).text
    }

    @Test("B0.1: a server of both eras is used in that of its client")
    func both() async throws {
        let openings = try Openings()
        try await withBench([.modern(openings.options(#","initialize":"legacy""#))]) { bench in
            #expect(try await Self.ask(bench) == "modern")
            let client = try await bench.legacy()
            #expect(try await client.say("x").text == "legacy")
            #expect(try await bench.modern(capabilities: Bench.everything).say("pid").text != "legacy")
            let answer = try await Self.begin(bench)
            #expect(Self.name(answer) == "old")
            #expect(openings.all == ["server/discover", "initialize", "server/discover", "initialize"])
        }
    }

    @Test(
        "d3, B0.1: a legacy server is asked for the modern era once, whatever it makes of the question",
        arguments: ["-32601", #""exit""#, #""silent""#])
    func legacyOnly(discover: String) async throws {
        let openings = try Openings()
        var server = ServerDefinition.modern(openings.options(#","initialize":"legacy","discover":\#(discover)"#))
        server.startTimeout = .seconds(2)
        try await withBench([server]) { bench in
            #expect(try await Self.ask(bench) == "legacy", "in the first process that survives it")
            let client = try await bench.legacy()
            #expect(try await client.say("x").text == "legacy")
            _ = try await bench.modern(capabilities: Bench.everything).say("x")
            let first = discover.contains("exit") ? ["server/discover", "initialize"] : ["server/discover"]
            #expect(openings.all == first + ["initialize", "initialize"])
        }
    }

    @Test(
        "d3: a server that says nothing to the question costs the first modern client a second, and the others nothing")
    func silence() async throws {
        let openings = try Openings()
        try await withBench([.modern(openings.options(#","initialize":"legacy","discover":"silent""#))]) { bench in
            let begin = ContinuousClock.now
            #expect(try await Self.ask(bench) == "legacy")
            #expect(ContinuousClock.now - begin < .seconds(3))
            for user in ["bob", "alice-c2"] {
                _ = try await bench.modern(user).say("x")
            }
            #expect(
                openings.all == ["server/discover", "initialize", "initialize"], "it is remembered for all sessions")
        }
    }

    @Test("d3: what a modern client finds out says nothing about legacy ones, and the other way round")
    func separate() async throws {
        let openings = try Openings()
        try await withBench([.modern(openings.options())]) { bench in
            #expect(try await Self.ask(bench) == "modern")
            for _ in 0..<2 {
                let answer = try await Self.begin(bench)
                #expect(Self.name(answer) == "modern")
            }
            #expect(openings.all == ["server/discover", "initialize", "server/discover"])
        }
        let memory = EraMemory(.automatic)
        let now = LoopInstant(nanoseconds: 1)
        #expect(memory.opening(at: now) == .handshake && memory.opening(for: .modern, at: now) == .discovery)
        memory.foundLegacy(at: now)
        memory.learned(.handshake)
        #expect(memory.opening(for: .modern, at: now + .seconds(599)) == .handshake)
        #expect(memory.opening(for: .modern, at: now + .seconds(600)) == .discovery, "it may be another by now")
        memory.sufferedFromDiscovery()
        #expect(memory.opening(for: .modern, at: now + .seconds(86_400)) == .handshake)
        memory.learned(.discovery)
        #expect(memory.opening(at: now) == .discovery && memory.opening(for: .modern, at: now) == .discovery)
    }

    @Test(
        "d3: no error but -32022 makes a server modern, and none has a meaning of its own",
        arguments: [-32601, -32602, -32000, -32603, 7])
    func errors(code: Int) async throws {
        // Nothing is left but what it said to the handshake.
        try await withBench([.modern(#"{"discover":\#(code)}"#)]) { bench in
            let answer = try await Self.begin(bench)
            #expect(answer.errorCode == -32601 && answer.errorMessage == "Method not found", "\(answer.messages)")
        }
    }

    @Test("d3: a modern server of another revision is not shaken hands with; one that names its handshakes is")
    func versions() async throws {
        for (discover, supported) in [("-32022", #"["2031-01-01"]"#), (#"["2031-01-01"]"#, "[]")] {
            try await withBench([.modern(#"{"discover":\#(discover),"supported":\#(supported)}"#)]) { bench in
                let answer = try await Self.begin(bench)
                #expect(answer.errorMessage?.contains("no revision") == true, "\(answer.messages)")
            }
        }
    }

    @Test("d3: a verdict that is contradicted is looked at again")
    func contradicted() async throws {
        let openings = try Openings()
        let directory = try TemporaryDirectory()
        let options = directory.file("options")
        // The same definition, another program: it reads how to behave.
        let script = Script.modern.replacing(
            "options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}",
            with: "options = json.load(open(sys.argv[1]))")
        func become(_ more: String) throws {
            try openings.options(more).write(toFile: options, atomically: true, encoding: .utf8)
        }
        try become("")
        try await withBench([.python("demo", script, [options])]) { bench in
            #expect(Self.name(try await Self.begin(bench)) == "modern")
            try become(#","initialize":"legacy","discover":-32601"#)
            #expect(Self.name(try await Self.begin(bench)) == "old", "in the same process")
            #expect(Self.name(try await Self.begin(bench)) == "old")
            try become("")
            #expect(Self.name(try await Self.begin(bench)) == "modern")
            // One that ends when it is asked: the next one is spoken to otherwise.
            try become(#","initialize":"legacy","discover":"exit""#)
            #expect(try await Self.begin(bench).errorCode == -32603)
            try await eventuallyTrue("it may be started again") { try await Self.begin(bench).status == 200 }
            #expect(
                openings.all == [
                    "initialize", "server/discover", "initialize", "initialize", "server/discover", "initialize",
                ])
        }
    }

    @Test(
        "d3: a server that ends or is silent at the handshake is opened otherwise the next time",
        arguments: ["exit", "silent"])
    func unanswered(how: String) async throws {
        let openings = try Openings()
        var server = ServerDefinition.modern(openings.options(#","initialize":"\#(how)""#))
        server.startTimeout = .seconds(1)
        try await withBench([server]) { bench in
            let answer = try await Self.begin(bench)
            #expect(answer.errorCode == -32603)
            try await eventuallyTrue("it is asked") { Self.name(try await Self.begin(bench)) == "modern" }
            #expect(openings.all == ["initialize", "server/discover"])
        }
    }

    @Test("d3: silence is no verdict: a late answer to server/discover still counts")
    func late() async throws {
        var server = ServerDefinition.modern(#"{"discover":"late","initialize":"silent"}"#)
        server.startTimeout = .seconds(2)
        try await withBench([server]) { bench in
            let answer = try await Self.begin(bench)
            #expect(answer.errorCode == -32603, "to the handshake it says nothing")
            try await eventuallyTrue("it is known") { Self.name(try await Self.begin(bench)) == "modern" }
        }
    }

    @Test("d3: what the operator says is done: modern servers hear no handshake, legacy ones no question")
    func configured() async throws {
        let openings = try Openings()
        try await withBench([.modern(openings.options(#","initialize":"legacy""#), era: .modern)]) { bench in
            let answer = try await Self.begin(bench)
            #expect(Self.name(answer) == "modern")
            #expect(openings.all == ["server/discover"])
        }
        try await withBench([.modern(#"{"discover":-32601,"initialize":"legacy"}"#, era: .modern)]) { bench in
            let answer = try await Self.begin(bench)
            #expect(answer.errorMessage?.contains("server/discover") == true)
        }
        try await withBench([.modern(era: .legacy)]) { bench in
            let answer = try await Self.begin(bench)
            #expect(answer.errorCode == -32601)
        }
    }
}
