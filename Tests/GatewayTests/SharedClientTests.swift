import Foundation
import MCP
import TestSupport
import Testing

@testable import Gateway

/// Clients of one user that share a process, and are not one another.
@Suite("Servers that one user's clients share", .timeLimit(.minutes(2)))
struct SharedClientTests {
    private static func open(
        _ bench: Bench, _ version: String, _ capabilities: String = Bench.everything, as token: String = "alice"
    ) async throws -> PlainMCP {
        let port = bench.port
        return try await onThread {
            try PlainMCP.opened(
                port: port, path: "/demo/mcp", token: token, version: version, capabilities: capabilities)
        }
    }

    @Test(
        "M06, c38, c58: the process of a user asks no client what that did not declare, or what its revision has not",
        arguments: [
            ("2025-06-18", "{\"elicitation\":{}}", "elicitation/create", #"{"mode":"url","url":"https://a.example/"}"#),
            ("2025-06-18", Bench.everything, "elicitation/create", #"{"mode":"url","url":"https://a.example/"}"#),
            ("2025-11-25", "{\"elicitation\":{\"url\":{}}}", "elicitation/create", "{}"),
            ("2025-03-26", Bench.everything, "elicitation/create", "{}"),
            ("2025-11-25", "{\"sampling\":{}}", "sampling/createMessage", #"{"messages":[],"tools":[]}"#),
        ])
    func undeclared(given: (version: String, declared: String, method: String, params: String)) async throws {
        try await withBench(SharedServerTests.server(.user, Script.legacy)) { bench in
            let client = try await Self.open(bench, given.version, given.declared)
            let answer = try await client.say("ask", #"{"method":"\#(given.method)","params":\#(given.params)}"#)
            let code = given.method == "elicitation/create" ? "-32602" : "-32601"
            #expect(answer.messages.count == 1 && answer.text?.contains(code) == true, "\(answer.messages)")
        }
    }

    @Test("M08, c28: log messages go to the one session that waits, and to none where two do")
    func logs() async throws {
        try await withBench(SharedServerTests.server(.user)) { bench in
            let (one, two) = (try await bench.open(), try await bench.open("/demo/mcp", "alice-c2"))
            let second = try await two.listen()
            #expect(try await one.say("log", id: 1).messages.first?.contains("hello") == true)
            _ = try await one.say("changed", id: 2)
            #expect(try await second.next()?.data?.contains("list_changed") == true, "what it hears first")
            async let hanging = two.say("sleep", id: 3, #"{"seconds":1.5}"#)
            try await eventuallyTrue("it is at work") { await bench.gateway.openCalls == 1 }
            #expect(try await one.say("log", id: 4).messages.count == 1, "it could be the other's")
            let slept = try await hanging
            #expect(slept.text == "slept" && slept.messages.count == 1, "\(slept.messages)")
        }
    }

    @Test("M08, c59: what becomes of a task is told to the session that has it")
    func tasks() async throws {
        try await withBench(SharedServerTests.server(.user, Script.legacy)) { bench in
            let (one, two) = (
                try await Self.open(bench, "2025-11-25"), try await Self.open(bench, "2025-11-25", as: "alice-c2")
            )
            let (first, second) = (try await one.listen(), try await two.listen())
            let call = PlainMCP.request("tools/call", id: 1, #"{"name":"job","arguments":{},"task":{}}"#)
            #expect(try await one.send(call).result?["task"] != nil)
            _ = try await one.say("announce", id: 2)
            // The first event of a stream says nothing.
            var heard = ""
            while heard.isEmpty { heard = try #require(try await first.next()).data ?? "" }
            #expect(heard.contains("notifications/tasks/status"), "\(heard)")
            var told: [String] = []
            while told.last?.contains("resources/list_changed") != true {
                told.append(try await second.next()?.data ?? "")
            }
            #expect(!told.contains { $0.contains("notifications/tasks/status") }, "\(told)")
        }
    }

    @Test(
        "c50, c32: a client of an older revision gets results in words of it, though the process speaks another",
        arguments: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
    func revisions(version: String) async throws {
        try await withBench(SharedServerTests.server(.shared, Script.legacy)) { bench in
            // The process speaks its own, whoever came first.
            _ = try await Self.open(bench, "2025-11-25", as: "bob")
            let client = try await Self.open(bench, version)
            let content =
                #"[{"type":"resource_link","uri":"file:///x","name":"x"},{"type":"audio","data":"","mimeType":"a/b"}]"#
            let answer = try await client.say(
                "result", #"{"value":{"content":\#(content),"structuredContent":{"a":1}}}"#)
            let types = (answer.result?["content"] as? [[String: Any]])?.compactMap { $0["type"] as? String }
            #expect(
                types == [
                    version < "2025-06-18" ? "text" : "resource_link", version < "2025-03-26" ? "resource" : "audio",
                ])
            #expect((answer.result?["structuredContent"] != nil) == (version >= "2025-06-18"))
            #expect(answer.object["id"] as? Int == 1)
        }
    }
}
