import Foundation
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Gateway

/// `subscriptions/listen` in front of a server that only knows subscriptions of old (c26).
@Suite("Listening to a legacy server", .timeLimit(.minutes(2)))
struct BridgeListenTests {
    private static let servers = [ServerDefinition.python("demo", Script.legacy)]

    private static func tag(_ event: PlainEvent?) -> String? {
        let params = event?.object["params"] as? [String: Any] ?? event?.object["result"] as? [String: Any]
        let id = (params?["_meta"] as? [String: Any])?["io.modelcontextprotocol/subscriptionId"]
        return id.map { $0 is String ? "\"\($0)\"" : "\($0)" }
    }

    @Test("c26: first what is honoured, then what was asked for and nothing else, under the id of the listen")
    func listens() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern()
            let all =
                #"{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["file:///a","file:///refused"]}"#
            let first = try await client.listen(all, id: "7")
            let second = try await client.listen(#"{"resourceSubscriptions":["file:///a/b"]}"#, id: #""s""#)
            #expect(first.head.status == 200 && first.head.isEventStream)
            let acknowledged = try await first.next()
            #expect(acknowledged?.object["method"] as? String == "notifications/subscriptions/acknowledged")
            #expect(Self.tag(acknowledged) == "7" && acknowledged?.id == nil)
            let honoured = (acknowledged?.object["params"] as? [String: Any])?["notifications"] as? [String: Any]
            #expect(honoured?["toolsListChanged"] as? Bool == true && honoured?["promptsListChanged"] == nil)
            #expect(honoured?["resourceSubscriptions"] as? [String] == ["file:///a"])
            #expect(Self.tag(try await second.next()) == "\"s\"")
            #expect(
                try await client.say("announce", #"{"updated":["file:///a/b","file:///ab","file:///a"]}"#).text
                    == "announced")
            var events: [String] = []
            for _ in 0..<3 {
                let event = try await first.next()
                #expect(Self.tag(event) == "7")
                events.append(event?.object["method"] as? String ?? "")
            }
            #expect(
                events == ["notifications/tools/list_changed"]
                    + Array(repeating: "notifications/resources/updated", count: 2))
            let update = try await second.next()
            #expect((update?.object["params"] as? [String: Any])?["uri"] as? String == "file:///a/b")
            #expect(Self.tag(update) == "\"s\"")
            first.cut()
            try await eventuallyTrue("the server hears that nobody listens") {
                try await client.say("seen").text?.contains("resources/unsubscribe") == true
            }
            // The server goes: the end is said, and meant.
            for session in bench.gateway.directory.all { await session.finish(.unresponsive) }
            let end = try await second.next()
            #expect(Self.tag(end) == "\"s\"" && end?.object["id"] as? String == "s")
            #expect((end?.object["result"] as? [String: Any])?["resultType"] as? String == "complete")
            #expect(try await second.next() == nil)
        }
    }

    @Test(
        "c26: a filter of another kind is -32602; a revoked grant ends the listen",
        arguments: ["[]", "7", #"{"resourceSubscriptions":[1]}"#])
    func odd(filter: String) async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern()
            let answer = try await client.ask("subscriptions/listen", #""notifications":\#(filter)"#)
            #expect(answer.status == 400 && answer.errorCode == -32602)
            let listen = try await client.listen(#"{"toolsListChanged":true}"#, id: "1")
            _ = try await listen.next()
            await bench.gateway.revoke(GrantID("g1"))
            #expect(try await listen.rest().count <= 1)
        }
    }

    @Test("T08: a listen ends when its token expires")
    func expiry() async throws {
        try await withBench(Self.servers) { bench in
            let listen = try await bench.modern("short").listen(#"{"toolsListChanged":true}"#, id: "1")
            _ = try await listen.next()
            let end = try await listen.next()
            #expect(Self.tag(end) == "1" && end?.object["result"] != nil)
            #expect(try await listen.next() == nil)
        }
    }

    @Test("F20: draining ends a listen with its result")
    func drain() async throws {
        let bench = try await Bench(Self.servers)
        let listen = try await bench.modern().listen("{}", id: "1")
        _ = try await listen.next()
        async let stopped: Void = bench.stop()
        #expect(Self.tag(try await listen.next()) == "1")
        await stopped
    }
}
