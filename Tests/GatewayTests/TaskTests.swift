import Crypto
import Foundation
import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

private let declaring = #"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#
private let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#

extension PlainModernMCP {
    /// A request about a task.
    fileprivate func task(_ method: String, _ name: String, _ members: String = "") async throws -> MCPAnswer {
        try await ask(
            "tasks/\(method)", #""taskId":"\#(name)"\#(members.isEmpty ? "" : ",")\#(members)"#, name: name)
    }

    /// What the server was asked about which tasks.
    fileprivate func heard() async throws -> [[String]] {
        try await say("seen").parsedText?["heard"] as? [[String]] ?? []
    }
}

extension MCPAnswer {
    fileprivate var taskName: String? { result?["taskId"] as? String }
    fileprivate var taskStatus: String? { result?["status"] as? String }
}

/// The tasks extension between a client and a server that both have it (c37).
@Suite("Tasks of modern servers, modern clients", .timeLimit(.minutes(2)))
struct RelayedTaskTests {
    @Test("c37, C14: a client follows its tasks under names of the gateway's, from beginning to end")
    func following() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: declaring)
            let made = try await client.say("job", #"{"looks":2,"asks":["form","sample"]}"#)
            let name = try #require(made.taskName)
            #expect(made.result?["resultType"] as? String == "task" && made.taskStatus == "working")
            #expect(!name.contains("job"), "not the server's own")
            #expect(try await client.task("get", name).taskStatus == "working")
            let asking = try await client.task("get", name)
            #expect(asking.taskStatus == "input_required" && asking.taskName == name && asking.questions.count == 2)
            #expect(asking.result?["resultType"] as? String == "complete")
            let answers = #""inputResponses":{"form":\#(accepted),"sample":{"role":"assistant"}}"#
            #expect(try await client.task("update", name, answers).result?["resultType"] as? String == "complete")
            let done = try await client.task("get", name)
            let result = done.result?["result"] as? [String: Any]
            #expect(done.taskStatus == "completed" && "\(result ?? [:])".contains("Ada"), "\(done.messages)")
            let failing = try #require(try await client.say("job", #"{"end":"failed"}"#).taskName)
            let failed = try await client.task("get", failing)
            #expect(
                failed.taskStatus == "failed" && "\(failed.result?["error"] ?? "")".contains("-32602"))
            let other = try #require(try await client.say("job", #"{"looks":9}"#).taskName)
            #expect(try await client.task("cancel", other).errorCode == nil)
            #expect(try await client.task("get", other).taskStatus == "cancelled")
            let heard = try await client.heard()
            #expect(Set(heard.map { $0[1] }) == ["job/1", "job/2", "job/3"], "the server's own names")
        }
    }

    @Test("M08, C14: the name of a task is nobody's but its client's: others, and every change of it, name nothing")
    func foreign() async throws {
        try await withBench([.modern()]) { bench in
            let alice = bench.modern(capabilities: declaring)
            let bob = bench.modern("bob", capabilities: declaring)
            let second = bench.modern("alice-c2", capabilities: declaring)
            // The server's own names are the same for all of them.
            let names = [
                try await alice.say("job").taskName, try await bob.say("job").taskName,
                try await second.say("job").taskName,
            ].compactMap { $0 }
            #expect(Set(names).count == 3)
            let clients = [alice, bob, second]
            let unknown = try await alice.task("get", "unknown")
            #expect(unknown.errorCode == -32602 && unknown.status == 400)
            func refuses(_ client: PlainModernMCP, _ name: String, _ what: String) async throws {
                for method in ["get", "update", "cancel"] {
                    let answer = try await client.task(method, name, #""inputResponses":{}"#)
                    #expect(answer.messages == unknown.messages && answer.status == 400, "\(what): \(answer.messages)")
                }
            }
            for (position, client) in clients.enumerated() {
                for (owner, name) in names.enumerated() where owner != position {
                    try await refuses(client, name, "\(owner) to \(position)")
                }
                try await refuses(client, "job/1", "the server's own")
            }
            let name = try #require(names.first)
            for place in stride(from: 0, to: name.utf8.count, by: 7) {
                var bytes = Array(name.utf8)
                bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                try await refuses(alice, String(decoding: bytes, as: UTF8.self), "byte \(place)")
            }
            for client in clients { #expect(try await client.heard().isEmpty, "no server heard of it") }
            #expect(try await alice.task("get", name).taskStatus == "completed", "and its client has it still")
        }
    }

    @Test("M08: what is sealed is of one principal, one server and one purpose")
    func sealing() throws {
        let key = try #require(StubVerifier.principals["alice"])
        let bob = try #require(StubVerifier.principals["bob"])
        let sealing = try #require(SealingKey([UInt8](repeating: 5, count: 32)))
        let handles = TaskHandles(key: sealing)
        let handle = TaskHandle(session: SessionID(), task: "t\u{e9}\"/")
        let name = try #require(handles.seal(handle, for: key, at: "one"))
        #expect(handles.open(Array(name.utf8), for: key, at: "one") == handle)
        #expect(handles.open(Array(name.utf8), for: key, at: "two") == nil)
        #expect(handles.open(Array(name.utf8), for: bob, at: "one") == nil)
        for place in name.utf8.indices {
            var bytes = Array(name.utf8)
            let offset = name.utf8.distance(from: name.utf8.startIndex, to: place)
            bytes[offset] = bytes[offset] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            // The last characters hold bits that belong to no byte.
            guard offset < bytes.count - 2 else { continue }
            #expect(handles.open(bytes, for: key, at: "one") == nil, "byte \(offset)")
        }
        let long = TaskHandle(session: SessionID(), task: String(repeating: "x", count: 2000))
        let states = RequestStates(key: sealing, clock: .system)
        #expect(states.open(Array(name.utf8), for: key, at: "one", digest: []) == nil, "no state")
        let state = RequestState(
            session: SessionID(), call: 1, round: 1, digest: [7], expires: states.expiry, relayed: nil)
        let text = Array(try states.seal(state, for: key, at: "one").utf8)
        #expect(states.open(text, for: key, at: "one", digest: [7]) == state)
        #expect(states.open(text, for: key, at: "two", digest: [7]) == nil, "C14")
        #expect(states.open(text, for: bob, at: "one", digest: [7]) == nil)
        #expect(states.open(text, for: key, at: "one", digest: [8]) == nil)
        let later = WallClock { WallClock.system.now() + .seconds(601) }
        #expect(RequestStates(key: sealing, clock: later).open(text, for: key, at: "one", digest: [7]) == nil, "M08")
        #expect(handles.seal(long, for: key, at: "one") == nil)
    }

    @Test("M08, c26: listens name tasks by the client's names, and hear of no others")
    func listening() async throws {
        try await withBench([.modern()]) { bench in
            let alice = bench.modern(capabilities: declaring)
            let name = try #require(try await alice.say("job").taskName)
            _ = try await alice.say("job")
            let foreign = try #require(
                try await bench.modern("bob", capabilities: declaring).say("job").taskName)
            let stream = try await alice.listen(#"{"taskIds":["\#(name)","\#(foreign)","job/2"]}"#, id: "1")
            let first = try #require(try await stream.next()?.data)
            let parsed = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
            let kept = (parsed?["params"] as? [String: Any])?["notifications"] as? [String: Any]
            #expect(kept?["taskIds"] as? [String] == [name], "\(first)")
            _ = try await alice.say("announce")
            _ = try await alice.say("end")
            let rest = try await stream.rest().compactMap(\.data).filter { $0.contains("notifications/tasks") }
            #expect(
                rest.count == 1 && rest.first?.contains(name) == true && rest.first?.contains("job/") == false,
                "\(rest)")
            #expect(
                try await bench.modern().ask("subscriptions/listen", #""notifications":{"taskIds":["\#(name)"]}"#)
                    .errorCode == -32021)
            #expect(try await alice.ask("subscriptions/listen", #""notifications":{"taskIds":7}"#).errorCode == -32602)
        }
    }

    @Test("M08: subscriptions of equal ids are each their client's, and nobody ends another's")
    func equalListens() async throws {
        try await withBench([.modern()]) { bench in
            let (alice, bob) = (bench.modern(), bench.modern("bob"))
            let one = try await alice.listen(#"{"toolsListChanged":true}"#, id: "1")
            let two = try await bob.listen(#"{"toolsListChanged":true}"#, id: "1")
            for stream in [one, two] { #expect(try await stream.next()?.data?.contains("acknowledged") == true) }
            let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
            let fields = bob.fields("notifications/cancelled")
            #expect(try await onThread { try bob.post(cancel, fields) }.status == 202)
            _ = try await bob.say("announce")
            _ = try await bob.say("end")
            #expect(try await two.rest().compactMap(\.data).filter { $0.contains("tools/list_changed") }.count == 1)
            _ = try await alice.say("announce")
            #expect(try await one.next()?.data?.contains("list_changed") == true, "only her own server's")
        }
    }

    @Test("c37, c16, c17: whoever did not declare tasks gets none; what is not of the extension is not there")
    func undeclared() async throws {
        try await withBench([.modern()]) { bench in
            let (client, poor) = (bench.modern(capabilities: declaring), bench.modern())
            let name = try #require(try await client.say("job").taskName)
            let refused = try await poor.say("job")
            #expect(refused.errorCode == -32021 && refused.status == 400)
            for method in ["get", "update", "cancel"] {
                let answer = try await poor.task(method, name)
                let data = (answer.object["error"] as? [String: Any])?["data"] as? [String: Any]
                let needed = (data?["requiredCapabilities"] as? [String: Any])?["extensions"] as? [String: Any]
                #expect(answer.errorCode == -32021 && needed?.keys.first == "io.modelcontextprotocol/tasks")
            }
            #expect(
                try await poor.say("job", #"{"rude":1}"#).errorCode == -32603, "what it cannot follow it is not given")
            for method in ["result", "list"] {
                let answer = try await client.ask("tasks/\(method)", #""taskId":"\#(name)""#)
                #expect(answer.errorCode == -32601 && answer.status == 404, "\(method)")
            }
            let wrong = try await client.ask("tasks/get", #""taskId":"\#(name)""#, name: "other")
            #expect(wrong.errorCode == -32020, "c10: Mcp-Name is the name of the task")
            #expect(try await client.ask("tasks/get", #""taskId":7"#).errorCode == -32020)
            #expect(try await client.ask("tasks/get").errorCode == -32602)
        }
    }
}

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
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["faults"] as? [String])?.isEmpty == true, "\(seen)")
        }
    }

    @Test("B1: what a task asks for is put to the client once, and goes to the server as an update")
    func questions() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let (questions, last) = try await client.conversation("job", #"{"asks":["form","url"]}"#) { _ in
                #""result":\#(accepted)"#
            }
            #expect(questions.count == 2, "\(questions)")
            #expect(last.text?.contains("Ada") == true && last.text?.contains("url") == true, "\(last.messages)")
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

    @Test("B1, c27: what such a task asks for is a question of the call")
    func asking() async throws {
        try await withBench(Self.old) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("job", #"{"ask":1}"#)
            let key = try #require(asked.key(of: "elicitation/create"))
            #expect(asked.messages.first?.contains("related-task") == false)
            let done = try await client.say("job", #"{"ask":1}"#, asked.retry([key: accepted]))
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
            let stream = try await onThread {
                try Stream(client.stream("tools/call", #""name":"job","arguments":{"hang":1}"#, name: "job"))
            }
            #expect(stream.head.isEventStream)
            stream.cut()
            try await eventuallyTrue("it is cancelled") { try await Self.seen(client).contains("cancelled t1") }
            #expect(try await client.say("echo", #"{"message":"on"}"#).text == "on")
        }
    }

    @Test("B1, c17, c37: tasks of a legacy server are not offered to modern clients, and not there")
    func notOfferedEither() async throws {
        try await withBench(Self.old) { bench in
            let client = bench.modern(capabilities: declaring)
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
}
