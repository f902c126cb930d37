import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

private let declaring = #"{"extensions":{"io.modelcontextprotocol/tasks":{}},"elicitation":{"form":{}}}"#
private let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#

/// Modern clients in front of a modern server of which there is one process for several of them.
@Suite("Modern servers that sessions share", .timeLimit(.minutes(2)))
struct SharedModernTests {
    private static func servers(_ isolation: Isolation, _ options: String = "{}") -> [ServerDefinition] {
        var server = ServerDefinition.modern(options)
        server.isolation = isolation
        return [server]
    }

    private static func task(_ client: PlainModernMCP, _ method: String, _ name: String) async throws -> MCPAnswer {
        try await client.ask("tasks/\(method)", #""taskId":"\#(name)""#, name: name)
    }

    @Test(
        "c23, c25, c27: results, cache hints and questions come as the server made them",
        arguments: [Isolation.user, .shared])
    func results(isolation: Isolation) async throws {
        try await withBench(Self.servers(isolation)) { bench in
            let (alice, bob) = (bench.modern(capabilities: declaring), bench.modern("bob", capabilities: declaring))
            let pids = [try await alice.say("pid").text, try await bob.say("pid").text]
            #expect((pids[0] == pids[1]) == (isolation == .shared))
            let list = try #require(try await alice.ask("tools/list").result)
            #expect(list["ttlMs"] as? Int == 5 && list["cacheScope"] as? String == "public")
            let declared = try await alice.say("params").parsedText?["_meta"] as? [String: Any]
            #expect((declared?["io.modelcontextprotocol/clientInfo"] as? [String: Any])?["name"] as? String == "plain")
            let asked = try await alice.say("elicit")
            #expect(asked.key(of: "elicitation/create") == "k/1", "\(asked.messages)")
            let retry = asked.retry(["k/1": accepted])
            #expect(try await bob.say("elicit", "{}", retry).errorCode == -32602, "M08")
            let done = try await alice.say("elicit", "{}", retry)
            #expect(done.parsedText?["state"] as? String == "st\u{e9}\"ate/\\" && done.text?.contains("Ada") == true)
            // Legacy clients have the same process, in their words.
            let old = try await bench.legacy()
            #expect(try await old.say("echo", id: 2, #"{"message":"x"}"#).text == "x")
            #expect(try await old.say("pid", id: 3).text == pids[0])
            let seen = try await alice.say("seen").parsedText
            #expect((seen?["faults"] as? [String])?.isEmpty == true, "\(seen ?? [:])")
        }
    }

    @Test("M05, M08: in one process tasks and calls of two users are each their own, with equal ids")
    func apart() async throws {
        try await withBench(Self.servers(.shared)) { bench in
            let (alice, bob) = (bench.modern(capabilities: declaring), bench.modern("bob", capabilities: declaring))
            let name = try #require(try await alice.say("job").result?["taskId"] as? String)
            let own = try #require(try await bob.say("job").result?["taskId"] as? String)
            let unknown = try await Self.task(bob, "get", "unknown")
            for wrong in [name, "job/1", "job/2"] {
                for method in ["get", "cancel", "update"] {
                    #expect(try await Self.task(bob, method, wrong).messages == unknown.messages)
                }
            }
            let stream = try await alice.listen(#"{"taskIds":["\#(name)","\#(own)"]}"#, id: "1")
            let first = try #require(try await stream.next()?.data)
            #expect(first.contains(name) && !first.contains(own), "\(first)")
            _ = try await bob.say("announce")
            let news = try #require(try await stream.next()?.data)
            #expect(news.contains(name) && news.contains("notifications/tasks"), "\(news)")
            #expect(try await Self.task(alice, "get", name).result?["status"] as? String == "completed")
            #expect(try await Self.task(bob, "get", own).result?["status"] as? String == "completed")
            try await withThrowingTaskGroup { group in
                for (client, user) in [(alice, "alice"), (bob, "bob")] {
                    for number in 0..<20 {
                        group.addTask {
                            let answer = try await client.say("echo", id: "7", #"{"message":"\#(user)\#(number)"}"#)
                            #expect(answer.text == "\(user)\(number)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("0130: one process has one era: of a server of both it is the legacy one, unless `era` says otherwise")
    func bothEras() async throws {
        try await withBench(Self.servers(.shared, #"{"initialize":"legacy"}"#)) { bench in
            let answer = try await bench.modern().say("echo", #"{"message":"modern"}"#)
            #expect(answer.text == "legacy")
        }
        var server = Self.servers(.shared, #"{"initialize":"legacy"}"#)[0]
        server.era = .modern
        try await withBench([server]) { bench in
            #expect(try await bench.modern().say("echo", #"{"message":"modern"}"#).text == "modern")
            let old = try await bench.legacy()
            #expect(try await old.say("echo", id: 2, #"{"message":"modern"}"#).text == "modern")
        }
    }
}
