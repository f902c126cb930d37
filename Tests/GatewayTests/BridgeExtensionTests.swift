import Foundation
import TestSupport
import Testing

@testable import Gateway

/// What legacy servers hear of the extensions of modern clients.
@Suite("Extensions between the eras", .timeLimit(.minutes(2)))
struct BridgeExtensionTests {
    private static let servers = [ServerDefinition.python("demo", Script.legacy)]

    @Test("c34, B0.4: extensions of the client are declared to its server, by which it is found; tasks are not")
    func extensions() async throws {
        try await withBench(Self.servers, change: { $0.aggregate = AggregateConfiguration() }) { bench in
            let apps = #""io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}"#
            func told(_ extensions: String, _ others: String = "") async throws -> [String: Any]? {
                let client = bench.modern(capabilities: #"{\#(others)"extensions":{\#(extensions)}}"#)
                return try await client.say("client").parsedText?["capabilities"] as? [String: Any]
            }
            let tasks = #""io.modelcontextprotocol/tasks":{}"#
            for others in ["", #""roots":{},"#] {
                let declared = try await told("\(tasks),\(apps)", others)
                let extensions = declared?["extensions"] as? [String: [String: [String]]]
                #expect(extensions == ["io.modelcontextprotocol/ui": ["mimeTypes": ["text/html;profile=mcp-app"]]])
                #expect((declared?["roots"] != nil) == !others.isEmpty)
            }
            for none in [tasks, ""] { #expect(try await told(none)?.isEmpty == true, "\(none)") }
            // Whoever has others has another session.
            let plain = bench.modern()
            let rich = bench.modern(capabilities: #"{"extensions":{\#(apps)}}"#)
            let pids = [try await plain.say("pid").text, try await rich.say("pid").text]
            #expect(pids[0] != pids[1])
            let again = [try await plain.say("pid").text, try await rich.say("pid").text]
            #expect(again == pids)
            let long = #""com.example/x":{"a":"\#(String(repeating: "x", count: 5000))"}"#
            #expect(try await told(long)?.isEmpty == true, "sessions are not found by texts of any length")
            var all = rich
            all.path = "/mcp"
            let behind = try await all.say("demo__client").parsedText?["capabilities"] as? [String: Any]
            #expect((behind?["extensions"] as? [String: Any])?.keys.sorted() == ["io.modelcontextprotocol/ui"])
        }
    }
}
