import Foundation
import MCP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// One process for the sessions of a user, or of everybody.
@Suite("Servers that sessions share", .timeLimit(.minutes(2)))
struct SharedServerTests {
    /// A server that shares its process in this way.
    static func server(
        _ isolation: Isolation, _ script: String = Script.server, _ arguments: [String] = [],
        change: (inout ServerDefinition) -> Void = { _ in }
    ) -> [ServerDefinition] {
        var server = ServerDefinition.python("demo", script, arguments)
        server.isolation = isolation
        change(&server)
        return [server]
    }

    /// The process behind a session.
    static func pid(_ client: PlainMCP) async throws -> Int32 {
        try #require(Int32(try await client.say("pid", id: 9).text ?? ""))
    }

    @Test("isolation: shared has one process for everybody, user one for each user, who is in its environment")
    func processes() async throws {
        try await withBench(Self.server(.shared)) { bench in
            let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
            #expect(try await Self.pid(alice) == Self.pid(bob))
            #expect(
                try await bob.say("meta", id: 1).text?.contains(#""user": "bob""#) == true, "each call says for whom")
            #expect(try await alice.say("environment", id: 1).text?.contains("SALLYPORT_USER") == false)
        }
        try await withBench(Self.server(.user)) { bench in
            let one = try await bench.open()
            let two = try await bench.open("/demo/mcp", "alice-c2")
            let bob = try await bench.open("/demo/mcp", "bob")
            #expect(try await Self.pid(one) == Self.pid(two))
            #expect(try await Self.pid(one) != Self.pid(bob))
            let environment = try await bob.say("environment", id: 1).text ?? ""
            for part in [#""SALLYPORT_USER_ID": "bob""#, #""SALLYPORT_USER_NAME": "Bob""#, "bob@example.com"] {
                #expect(environment.contains(part), "\(environment)")
            }
        }
    }

    @Test(
        "M05: over one process equal ids, random delays and two loops give nobody another's answer", arguments: [1, 2])
    func soak(loops: Int) async throws {
        try await withBench(Self.server(.shared), loopCount: loops) { bench in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for user in ["alice", "bob", "alice-c2"] {
                    let client = try await bench.open("/demo/mcp", user)
                    for lane in 0..<8 {
                        group.addTask {
                            for round in 0..<Soak.rounds(100) {
                                let text = "\(user)-\(lane)-\(round)"
                                let answer = try await client.say("random", id: 1, #"{"message":"\#(text)"}"#)
                                try #require(answer.text == text && answer.object["id"] as? Int == 1)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("M05: progress goes to the call that it is of, and what is cancelled is answered to nobody")
    func progress() async throws {
        try await withBench(Self.server(.shared)) { bench in
            let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
            // So that the numbers of the sessions are not those of the process.
            for _ in 0..<3 { _ = try await bob.say("pid", id: 1) }
            async let hanging = bob.say("hang", id: 1)
            try await eventuallyTrue("it hangs") { await bench.gateway.openCalls == 1 }
            let answer = try await alice.send(PlainMCP.call("progress", id: 1, token: "\"t\""))
            #expect(answer.messages.count == 4 && answer.messages[0].contains(#""progressToken": "t""#))
            #expect(answer.text == "done" || answer.messages.last?.contains("done") == true)
            let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
            #expect(try await bob.send(cancel).status == 202)
            #expect(try await hanging.errorCode == 1003)
            let heard = try await alice.say("answers", id: 2).text ?? ""
            #expect(heard.contains("requestId"), "the server was told: \(heard)")
            #expect(try await alice.say("twice", id: 3).text == "first")
            #expect(
                try await alice.say("echo", id: 4, #"{"message":"x"}"#).text == "x", "the second answer is nobody's")
        }
    }

    @Test(
        "M06: whom a shared server asks cannot be told, so it is told so; a user's process asks the session that waits")
    func questions() async throws {
        try await withBench(Self.server(.shared)) { bench in
            let alice = try await bench.open()
            let answer = try await alice.say("elicit", id: 1)
            #expect(answer.messages.count == 1 && answer.text?.contains("-32602") == true, "\(answer.messages)")
            let sampled = try await alice.say("sample", id: 2)
            #expect(sampled.text?.contains("-32601") == true, "\(sampled.messages)")
        }
        try await withBench(Self.server(.user)) { bench in
            let (one, two) = (try await bench.open(), try await bench.open("/demo/mcp", "alice-c2"))
            let stream = try await one.streamed(PlainMCP.call("elicit", id: 1))
            let question = try #require(try await stream.next())
            #expect(question.object["method"] as? String == "elicitation/create")
            let id = try #require(question.object["id"] as? Int)
            let reply = #"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept","from":"NAME"}}"#
            #expect(try await two.send(reply.replacing("NAME", with: "two")).status == 400, "it was not asked")
            #expect(try await one.send(reply.replacing("NAME", with: "one")).status == 202)
            let rest = try await stream.rest()
            #expect(rest.count == 1 && rest[0].data?.contains("one") == true, "\(rest)")
            // Two calls at a time: nobody can say whose question it is.
            async let hanging = two.say("sleep", id: 1, #"{"seconds":1.5}"#)
            try await eventuallyTrue("both are at work") { await bench.gateway.openCalls == 1 }
            #expect(try await one.say("elicit", id: 2).text?.contains("-32602") == true)
            #expect(try await hanging.text == "slept")
        }
    }

    @Test(
        "b12, M08: announcements go to all, updates to whoever watches, log messages of what everybody shares to nobody"
    )
    func announcements() async throws {
        try await withBench(Self.server(.shared, Script.legacy)) { bench in
            let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
            #expect(
                try await alice.send(PlainMCP.request("resources/subscribe", id: 1, #"{"uri":"file:///a"}"#)).errorCode
                    == nil)
            let refused = PlainMCP.request("resources/subscribe", id: 1, #"{"uri":"file:///refused"}"#)
            #expect(try await bob.send(refused).errorCode == -32602)
            #expect(
                try await bob.send(PlainMCP.request("logging/setLevel", id: 2, #"{"level":"debug"}"#)).errorCode
                    == -32601)
            let (first, second) = (try await alice.listen(), try await bob.listen())
            _ = try await bob.say("log", id: 3)
            _ = try await bob.say("announce", id: 4, #"{"updated":["file:///a","file:///refused","file:///other"]}"#)
            var heard: [String] = []
            for _ in 0..<4 { heard.append(try await first.next()?.data ?? "") }
            #expect(
                heard.filter { $0.contains("list_changed") }.count == 3 && heard[3].contains(#""file:///a""#),
                "\(heard)")
            _ = try await bob.say("announce", id: 5)
            var other: [String] = []
            for _ in 0..<6 { other.append(try await second.next()?.data ?? "") }
            #expect(other.allSatisfy { $0.contains("list_changed") }, "\(other)")
            // Both watch; the server hears only of the last one who stops.
            let watch = PlainMCP.request("resources/subscribe", id: 6, #"{"uri":"file:///a"}"#)
            let unwatch = PlainMCP.request("resources/unsubscribe", id: 7, #"{"uri":"file:///a"}"#)
            _ = try await bob.send(watch)
            #expect(try await bob.send(unwatch).errorCode == nil)
            #expect(try await alice.say("seen", id: 8).text?.contains("unsubscribe") == false)
            for session in bench.gateway.directory.all where session.principal.user.value == "alice" {
                await session.finish(.deleted)
            }
            try await eventuallyTrue("the session that watched is gone") {
                try await bob.say("seen", id: 9).text?.contains("unsubscribe") == true
            }
        }
    }

    @Test("M10: what one session watches is bounded, and leaving does not fill the server's calls")
    func manySubscriptions() async throws {
        try await withBench(Self.server(.shared, Script.legacy)) { bench in
            let bob = try await bench.open("/demo/mcp", "bob")
            var refused = 0
            for id in 1...260 {
                let watch = PlainMCP.request("resources/subscribe", id: id, #"{"uri":"file:///\#(id)"}"#)
                if try await bob.send(watch).errorCode == 1002 { refused += 1 }
            }
            #expect(refused == 4)
            let long = String(repeating: "a", count: 9000)
            let other = try await bench.open()
            let watch = PlainMCP.request("resources/subscribe", id: 1, #"{"uri":"file:///\#(long)"}"#)
            #expect(try await other.send(watch).errorCode == 1002)
            for session in bench.gateway.directory.all where session.principal.user.value == "bob" {
                await session.finish(.deleted)
            }
            #expect(try await other.say("echo", id: 2, #"{"message":"x"}"#).text == "x")
        }
    }

    @Test("P05: without sessions it stays for a while; there are never more than the limit, and the unused make room")
    func idle() async throws {
        let servers = Self.server(.user) {
            $0.maximumSessions = 2
            $0.idleTimeout = .seconds(2)
        }
        try await withBench(servers) { bench in
            func leave() async {
                for session in bench.gateway.directory.all { await session.finish(.deleted) }
                for session in bench.gateway.directory.all { await session.vanished() }
            }
            let alice = try await Self.pid(try await bench.open())
            await leave()
            #expect(bench.gateway.processCount == 1, "it counts as long as it runs")
            #expect(try await Self.pid(try await bench.open()) == alice, "the same process")
            await leave()
            try await eventuallyTrue("nobody came", within: .seconds(6)) { !ProcessTable.isAlive(alice) }
            try await eventuallyTrue("its place is free") { bench.gateway.processCount == 0 }
        }
        try await withBench(Self.server(.user) { $0.maximumSessions = 1 }) { bench in
            let alice = try await Self.pid(try await bench.open())
            for session in bench.gateway.directory.all { await session.finish(.deleted) }
            let bob = try await eventually("the place is free") { try? await bench.open("/demo/mcp", "bob") }
            #expect(try await Self.pid(bob) != alice)
            try await eventuallyTrue("the unused one made room") { !ProcessTable.isAlive(alice) }
        }
    }

    @Test("P05: a server that never shakes hands is not left over")
    func slow() async throws {
        let servers = Self.server(.shared, Script.server, ["never", "shared-and-silent"]) {
            $0.startTimeout = .milliseconds(500)
        }
        try await withBench(servers) { bench in
            let port = bench.port
            let answer = try await onThread {
                var client = PlainMCP(port: port, path: "/demo/mcp", token: "alice")
                return try client.open()
            }
            #expect(answer.errorMessage?.contains("did not start in time") == true, "\(answer.messages)")
            try await eventuallyTrue("it is gone") { ProcessTable.matching("shared-and-silent").isEmpty }
        }
    }

    @Test("c10, c28: modern clients share it as well")
    func modern() async throws {
        try await withBench(Self.server(.shared, Script.legacy)) { bench in
            let (alice, bob) = (bench.modern(), bench.modern("bob"))
            let pid = try await alice.say("pid").text
            #expect(try await bob.say("pid").text == pid && pid != nil)
            #expect(try await alice.say("echo", #"{"message":"hi"}"#).text == "hi")
        }
    }
}

extension Gateway {
    /// Requests that wait, of all sessions.
    var openCalls: Int {
        get async {
            var count = 0
            for session in directory.all { count += await session.callsThatWait }
            return count
        }
    }
}

extension LegacySession {
    var callsThatWait: Int { calls.count }
}
