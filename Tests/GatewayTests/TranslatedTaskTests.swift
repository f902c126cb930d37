import Crypto
import Foundation
import HTTP
import JSON
import MCP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Tasks where only one side has those of its era (mcp.md B1, "tasks").
@Suite("Tasks between the eras", .timeLimit(.minutes(2)))
struct TranslatedTaskTests {
    // MARK: Legacy client, modern server

    @Test("B1: a task of a modern server is followed for a legacy client, whose call lasts until it has ended")
    func followed() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let done = try await client.ask("tools/call", #"{"name":"job","arguments":{"looks":3},"task":{"ttl":1}}"#)
            #expect(done.text == "{}" && done.result?["taskId"] == nil && done.result?["resultType"] == nil)
            let failed = try await client.say("job", #"{"end":"failed"}"#)
            #expect(failed.errorCode == -32602 && failed.errorMessage == "job failed")
            #expect(try await client.say("job", #"{"end":"cancelled"}"#).result?["isError"] as? Bool == true)
            #expect(try await client.say("job", #"{"end":"unheard"}"#).result?["isError"] as? Bool == true)
            #expect(try await client.say("job", #"{"gone":1}"#).result?["isError"] as? Bool == true)
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["faults"] as? [String])?.isEmpty == true, "\(seen)")
            let cancelled = (seen["heard"] as? [[String]])?.filter { $0.first == "tasks/cancel" }.map { $0[1] }
            #expect(cancelled == ["job/4"], "what is over or lost is not cancelled, what cannot be understood is")
        }
    }

    @Test(
        "B1, c37: a server is asked for a task as often as it says; only a call becomes one, and where it has tasks at all"
    )
    func followedInReason() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let began = ContinuousClock.now
            #expect(try await client.say("job", #"{"looks":2,"interval":400}"#).text == "{}")
            #expect(ContinuousClock.now - began >= .milliseconds(800), "twice what it said")
            let task = #"{\"resultType\":\"task\",\"taskId\":\"t\",\"status\":\"working\"}"#
            let prompt = try await client.ask("prompts/get", #"{"name":"odd","arguments":{"result":"\#(task)"}}"#)
            #expect(prompt.errorCode == -32603, "\(prompt.messages)")
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["heard"] as? [[String]])?.map { $0[0] } == ["tasks/get", "tasks/get"], "\(seen)")
        }
        for (options, declares) in [("{}", true), (#"{"plain":true}"#, false)] {
            try await withBench([.modern(options)]) { bench in
                let told = try await bench.legacy().say("params").text
                #expect(told?.contains("io.modelcontextprotocol/tasks") == declares, "\(told ?? "")")
            }
        }
    }

    @Test("B1: what a task asks for is put to the client once, and goes to the server as an update")
    func questions() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let (questions, last) = try await client.conversation("job", #"{"asks":["form","url"]}"#) { _ in
                #""result":\#(TaskWords.accepted)"#
            }
            #expect(questions.count == 2, "\(questions)")
            #expect(last.text?.contains("Ada") == true && last.text?.contains("url") == true, "\(last.messages)")
            let sticky = try await client.conversation("job", #"{"asks":["form"],"sticky":1}"#) { _ in
                #""result":\#(TaskWords.accepted)"#
            }
            #expect(sticky.questions.count == 1 && sticky.last.text?.contains("Ada") == true, "\(sticky.last.messages)")
            let refused = try await client.conversation("job", #"{"asks":["sample"]}"#) { _ in
                #""error":{"code":-1,"message":"no"}"#
            }
            #expect(refused.last.result?["isError"] as? Bool == true)
            let poor = try await bench.legacy(capabilities: "{}")
            #expect(try await poor.say("job", #"{"asks":["form"]}"#).result?["isError"] as? Bool == true)
            for session in [client, poor] {
                try await eventuallyTrue("what cannot go on is cancelled") {
                    let heard = try await session.say("seen").parsedText?["heard"] as? [[String]]
                    return heard?.last?.first == "tasks/cancel"
                }
            }
        }
    }

    @Test("B1, c55: a call that is given up gives up its task, and the server is left alone")
    func cancelled() async throws {
        try await withBench([.modern(timeout: .seconds(3))], change: { $0.limits.commitDelay = .milliseconds(50) }) {
            bench in
            let client = try await bench.legacy()
            let stream = try await client.streamed(PlainMCP.call("job", id: 3, #"{"looks":100000}"#))
            try await eventuallyTrue("it is followed") {
                (try await client.say("seen").parsedText?["heard"] as? [Any])?.isEmpty == false
            }
            _ = try await client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#)
            #expect(try await stream.rest().contains { $0.data?.contains("1003") == true })
            func heard() async throws -> [[String]] {
                try await client.say("seen").parsedText?["heard"] as? [[String]] ?? []
            }
            try await eventuallyTrue("the task is cancelled") { try await heard().last == ["tasks/cancel", "job/1"] }
            // Nor does it last longer than a call may.
            #expect(try await client.say("job", #"{"looks":100000}"#).errorCode == 1001)
            try await eventuallyTrue("that one, too") { try await heard().last == ["tasks/cancel", "job/2"] }
            #expect(try await client.say("echo", #"{"message":"on"}"#).text == "on")
            let metrics = String(decoding: bench.gateway.configuration.metrics.prometheusText(), as: UTF8.self)
            #expect(
                metrics.contains(#"sallyport_discarded_lines_total{server="demo"} 0"#), "answers to that are no noise")
        }
    }

    @Test(
        "c59, B1: tasks of 2025-11-25 are not offered before a modern server, and not there",
        arguments: [
            "get", "update", "cancel", "result", "list",
        ])
    func notOffered(method: String) async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let answer = try await client.ask("tasks/\(method)", #"{"taskId":"job/1"}"#)
            #expect(answer.errorCode == -32601)
            #expect((try await client.say("seen").parsedText?["heard"] as? [Any])?.isEmpty == true)
        }
    }

    // MARK: Modern client, legacy server

    private static let old = [ServerDefinition.python("demo", Script.legacy)]

    /// What the server has seen and done.
    private static func seen(_ client: PlainModernMCP) async throws -> String {
        let prompts = try await client.ask("prompts/list").result?["prompts"] as? [[String: Any]]
        return prompts?.first?["name"] as? String ?? ""
    }

    @Test("B1: a tool that a legacy server runs as a task only is called, and its client gets the plain result")
    func required() async throws {
        try await withBench(Self.old) { bench in
            let client = bench.modern()
            let done = try await client.say("job", id: "5", meta: #","progressToken":"p""#)
            #expect(done.text == "job done" && done.object["id"] as? Int == 5, "\(done.messages)")
            #expect(done.result?["resultType"] as? String == "complete" && done.result?["task"] == nil)
            #expect(done.messages.last?.contains("related-task") == false)
            #expect(done.messages.first?.contains(#""progressToken": "p""#) == true, "\(done.messages)")
            #expect(try await client.say("job", #"{"code":-32602}"#).errorCode == -32602)
            // The others are not, whatever the client writes.
            let plain = try await client.say("params", "{}", #""task":{}"#)
            #expect(plain.text?.contains(#""task""#) == false, "\(plain.messages)")
        }
    }

    @Test("B1, c59: what a tool says of tasks counts where its server makes tasks of calls")
    func incapable() async throws {
        let script = Script.legacy.replacing(#""cancel": {}, "requests": {"tools": {"call": {}}}"#, with: "")
        try await withBench([.python("demo", script)]) { bench in
            let answer = try await bench.modern().say("job")
            #expect(answer.errorMessage == "only as a task")
        }
    }

    @Test("B1, c27: what such a task asks for is a question of the call")
    func asking() async throws {
        try await withBench(Self.old) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("job", #"{"ask":1}"#)
            let key = try #require(asked.key(of: "elicitation/create"))
            #expect(asked.messages.first?.contains("related-task") == false)
            let done = try await client.say("job", #"{"ask":1}"#, asked.retry([key: TaskWords.accepted]))
            #expect(done.text?.contains("Ada") == true, "\(done.messages)")
        }
    }

    @Test("B1, c21: whoever goes away or waits too long cancels the task, not the call that is over")
    func givenUp() async throws {
        let server = ServerDefinition.python("demo", Script.legacy, timeout: .seconds(1))
        try await withBench([server], change: { $0.limits.commitDelay = .milliseconds(50) }) { bench in
            let client = bench.modern()
            #expect(try await client.say("job", #"{"hang":1}"#).errorCode == 1001)
            try await eventuallyTrue("it is cancelled") { try await Self.seen(client).contains("cancelled t0") }
            #expect(try await Self.seen(client).contains("notifications/cancelled"), "nobody waits for its result")
            let stream = try await onThread {
                try Stream(client.stream("tools/call", #""name":"job","arguments":{"hang":1}"#, name: "job"))
            }
            #expect(stream.head.isEventStream)
            stream.cut()
            try await eventuallyTrue("it is cancelled") { try await Self.seen(client).contains("cancelled t1") }
            for session in bench.gateway.directory.all {
                #expect(await session.taskResults.isEmpty, "nothing is kept of what never comes")
            }
            #expect(try await client.say("echo", #"{"message":"on"}"#).text == "on")
        }
    }

    @Test("B1, c17, c37: tasks of a legacy server are not offered to modern clients, and not there")
    func notOfferedEither() async throws {
        try await withBench(Self.old) { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let discovered = try #require(try await client.ask("server/discover").result)
            let capabilities = discovered["capabilities"] as? [String: Any]
            #expect(capabilities?["tasks"] == nil && capabilities?["extensions"] == nil)
            for method in ["get", "update", "cancel", "result", "list"] {
                let answer = try await client.ask("tasks/\(method)", #""taskId":"t0""#, name: "t0")
                #expect(answer.errorCode == -32601 && answer.status == 404, "\(method): \(answer.messages)")
            }
            let tools = try await client.ask("tools/list").result?["tools"] as? [[String: Any]] ?? []
            let executions = tools.compactMap { $0["execution"] as? [String: Int] }
            #expect(tools.count == 5 && executions == [["kept": 1]], "\(tools)")
        }
    }
    // MARK: Legacy client, legacy server

    @Test(
        "M08, c59: where sessions share a server, each names the tasks that were made in it, and no others",
        arguments: [
            Isolation.shared, .user, .session,
        ])
    func sharedTasks(isolation: Isolation) async throws {
        var server = ServerDefinition.python("demo", Script.legacy)
        server.isolation = isolation
        try await withBench([server]) { bench in
            let port = bench.port
            let opened = try await onThread {
                var client = PlainMCP(port: port, path: "/demo/mcp", token: "alice")
                client.version = "2025-11-25"
                return try client.open()
            }
            let offered = (opened.result?["capabilities"] as? [String: Any])?["tasks"] as? [String: Any]
            #expect(
                offered?.keys.sorted()
                    == (isolation == .session ? ["cancel", "list", "requests"] : ["cancel", "requests"]))
            let alice = try await bench.open()
            let second = try await bench.open("/demo/mcp", "alice-c2")
            func made(_ client: PlainMCP) async throws -> String? {
                let answer = try await client.ask("tools/call", #"{"name":"job","arguments":{},"task":{}}"#)
                return (answer.result?["task"] as? [String: Any])?["taskId"] as? String
            }
            let name = try #require(try await made(alice))
            #expect(try await alice.ask("tasks/result", #"{"taskId":"\#(name)"}"#).text == "job done")
            #expect(try await alice.ask("tasks/cancel", #"{"taskId":"\#(name)"}"#).errorCode == nil)
            guard isolation != .session else {
                #expect(try await alice.ask("tasks/list").errorMessage == "no", "its own server says so")
                return
            }
            for method in ["get", "result", "cancel"] {
                let foreign = try await second.ask("tasks/\(method)", #"{"taskId":"\#(name)"}"#)
                let unknown = try await second.ask("tasks/\(method)", #"{"taskId":"unknown"}"#)
                #expect(foreign.errorCode == -32602 && foreign.messages == unknown.messages, "\(foreign.messages)")
            }
            #expect(try await alice.ask("tasks/list").errorMessage == "Method not found")
        }
    }

    @Test("M08, c59: behind HTTP, where all are one to the server, each session names its own tasks alone")
    func remoteTasks() async throws {
        try await withRemote(["tasks"]) { bench, _ in
            let alice = try await RemoteTests.open(bench, version: "2025-11-25")
            let second = try await RemoteTests.open(bench, "alice-c2", version: "2025-11-25")
            var names: [String] = []
            for _ in 0..<2 {
                let made = try await alice.ask("tools/call", #"{"name":"job","arguments":{},"task":{}}"#)
                names.append(try #require((made.result?["task"] as? [String: Any])?["taskId"] as? String))
            }
            for name in names {
                for method in ["get", "result", "cancel"] {
                    let params = #"{"taskId":"\#(name)"}"#
                    #expect(try await alice.ask("tasks/\(method)", params).result?["taskId"] as? String == name)
                    #expect(try await second.ask("tasks/\(method)", params).errorCode == -32602, "\(method)")
                }
            }
            #expect(try await alice.ask("tasks/list").errorCode == -32601)
        }
    }

    @Test("M10, c59: of very many tasks of one session the oldest are forgotten")
    func manyTasks() throws {
        var own = OwnTasks()
        func refusal(_ name: String) throws -> JSONRPCError? {
            let text = #"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"\#(name)"}}"#
            return own.refusal(
                try JSONRPCMessage(try JSONDocument(parsing: Array(text.utf8)).root), .tasksGet)
        }
        for number in 0...4096 { own.made(Array("t\(number)".utf8)) }
        own.made(Array("t4096".utf8))
        #expect(try refusal("t0")?.code == .invalidParams)
        for kept in ["t1", "t4095", "t4096"] { #expect(try refusal(kept) == nil, "\(kept)") }
    }

    @Test("B1: a result that only looks like a task is one where no task was asked for")
    func lookalike() async throws {
        try await withBench(Self.old) { bench in
            let value = #"{"value":{"task":{"taskId":"x"},"content":[]}}"#
            let answer = try await bench.modern().say("result", value)
            #expect((answer.result?["task"] as? [String: Any])?["taskId"] as? String == "x", "\(answer.messages)")
        }
    }
}
