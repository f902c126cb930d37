import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// Subscriptions of legacy clients at a modern server (c26, mcp.md B1 "subscribe", "list_changed").
@Suite("What legacy clients watch at a modern server", .timeLimit(.minutes(2)))
struct ModernServerListenTests {
    private static func listens(_ client: PlainMCP) async throws -> [NSDictionary] {
        try await client.say("seen").parsedText?["listens"] as? [NSDictionary] ?? []
    }

    /// The notifications of a GET stream until `count` of them came.
    private static func events(_ stream: Stream, _ count: Int) async throws -> [String] {
        var found: [String] = []
        while found.count < count, let event = try await stream.next() {
            if let data = event.data, !data.isEmpty { found.append(data) }
        }
        return found
    }

    @Test("B1: one listen for all that is watched, opened anew when that changes; notifications lose its number")
    func subscriptions() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let lists: NSDictionary = ["toolsListChanged": true, "resourcesListChanged": true]
            try await eventuallyTrue("it listens") { try await Self.listens(client) == [lists] }
            func subscribe(_ uri: String, _ method: String = "resources/subscribe") async throws -> MCPAnswer {
                try await client.ask(method, #"{"uri":"\#(uri)"}"#)
            }
            for uri in ["file:///a", "file:///b", "file:///a"] {
                #expect(try await subscribe(uri).result?.isEmpty == true)
            }
            #expect(try await subscribe("file:///refused").errorCode == -32602, "it is not in the acknowledgement")
            #expect(try await client.ask("resources/subscribe", #"{"uri":7}"#).errorCode == -32602)
            let watched = try #require(try await Self.listens(client).first)
            #expect(try await Self.listens(client).count == 1, "c26: the ones before were cancelled")
            #expect(watched["resourceSubscriptions"] as? [String] == ["file:///a", "file:///b"])

            let stream = try await client.listen()
            _ = try await client.say("announce", #"{"updated":["file:///a","file:///c"]}"#)
            let events = try await Self.events(stream, 3)
            #expect(
                events.filter { $0.contains("tools/list_changed") }.count == 1, "only that of the listen: \(events)")
            #expect(events.contains { $0.contains("resources/list_changed") })
            #expect(!events.contains { $0.contains("prompts") || $0.contains("subscriptionId") || $0.contains("///c") })
            #expect(events.contains { $0.contains("file:///a") && $0.contains(#""kept""#) })
            _ = try await client.say("announce")
            let more = try await Self.events(stream, 2)
            #expect(
                more.filter { $0.contains("tools/list_changed") }.count == 1, "one of no listen before these: \(more)")

            #expect(try await subscribe("file:///a", "resources/unsubscribe").result?.isEmpty == true)
            try await eventuallyTrue("it watches less") {
                try await Self.listens(client).map { $0["resourceSubscriptions"] as? [String] } == [["file:///b"]]
            }
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["faults"] as? [String])?.isEmpty == true, "\(seen)")
        }
    }

    @Test("B1: many subscriptions at once are all answered, each by what was acknowledged")
    func concurrent() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            try await withThrowingTaskGroup { group in
                for number in 0..<24 {
                    group.addTask {
                        let name = number % 3 == 0 ? "refused" : "kept"
                        let answer = try await client.ask(
                            "resources/subscribe", id: number + 1, #"{"uri":"file:///\#(name)/\#(number)"}"#)
                        #expect((answer.errorCode == nil) == (number % 3 != 0), "\(number): \(answer.messages)")
                    }
                }
                try await group.waitForAll()
            }
            let listens = try await Self.listens(client)
            #expect(listens.count == 1 && (listens[0]["resourceSubscriptions"] as? [String])?.count == 16)
        }
    }

    @Test("B1: a server that cannot be listened to just now is asked again, one that never can be is not")
    func refused() async throws {
        try await withBench([.modern(#"{"shy":2}"#)]) { bench in
            let client = try await bench.legacy()
            try await eventuallyTrue("it listens at last", within: .seconds(20)) {
                try await Self.listens(client).count == 1
            }
            let stream = try await client.listen()
            let events = try await Self.events(stream, 2)
            #expect(events.contains { $0.contains("tools/list_changed") }, "what happened before? \(events)")
        }
        // The next attempt of the other would be a second later.
        try await withBench([.modern(#"{"deaf":true}"#)]) { bench in
            let client = try await bench.legacy()
            let began = ContinuousClock.now
            var asked = 0
            while ContinuousClock.now - began < .seconds(3) {
                let seen = try await client.say("seen").parsedText?["seen"] as? [String] ?? []
                asked = seen.count { $0 == "subscriptions/listen" }
            }
            #expect(asked == 1)
        }
    }

    @Test(
        "B1: a listen that the server ends is opened again, and everything may have changed",
        arguments: ["result", "cancelled", "both"])
    func ending(how: String) async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            #expect(try await client.ask("resources/subscribe", #"{"uri":"file:///a"}"#).result?.isEmpty == true)
            let stream = try await client.listen()
            #expect(try await client.say("end", #"{"how":"\#(how)"}"#).text == "ended")
            let events = try await Self.events(stream, 3)
            #expect(
                events.contains { $0.contains("tools/list_changed") } && events.contains { $0.contains("file:///a") })
            #expect(try await Self.listens(client).count == 1)
        }
    }
}
