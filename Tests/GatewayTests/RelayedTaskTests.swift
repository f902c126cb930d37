import Crypto
import Foundation
import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// The tasks extension between a client and a server that both have it (c37).
@Suite("Tasks of modern servers, modern clients", .timeLimit(.minutes(2)))
struct RelayedTaskTests {
    @Test("c37, C14: a client follows its tasks under names of the gateway's, from beginning to end")
    func following() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let made = try await client.say("job", #"{"looks":2,"asks":["form","sample"]}"#)
            let name = try #require(made.taskName)
            #expect(made.result?["resultType"] as? String == "task" && made.taskStatus == "working")
            #expect(!name.contains("job"), "not the server's own")
            #expect(try await client.task("get", name).taskStatus == "working")
            let asking = try await client.task("get", name)
            #expect(asking.taskStatus == "input_required" && asking.taskName == name && asking.questions.count == 2)
            #expect(asking.result?["resultType"] as? String == "complete")
            let answers = #""inputResponses":{"form":\#(TaskWords.accepted),"sample":{"role":"assistant"}}"#
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
            let alice = bench.modern(capabilities: TaskWords.declaring)
            let bob = bench.modern("bob", capabilities: TaskWords.declaring)
            let second = bench.modern("alice-c2", capabilities: TaskWords.declaring)
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
        // Of the same length, and one that begins where the other ends.
        let pairs = [
            (("alice", "c1"), ("carol", "c1")), (("alice", "c1"), ("alice", "c2")), (("al", "icec1"), ("alice", "c1")),
        ]
        for (holder, other) in pairs {
            let one = StubVerifier.principal(holder.0, holder.1, grant: "g")
            let own = handles.seal(handle, for: one, at: "one")
            let foreign = StubVerifier.principal(other.0, other.1, grant: "g")
            #expect(AggregatePlan.holder(one) != AggregatePlan.holder(foreign), "\(holder), \(other)")
            #expect(handles.open(Array(try #require(own).utf8), for: foreign, at: "one") == nil, "\(holder), \(other)")
        }
        let long = TaskHandle(session: SessionID(), task: String(repeating: "x", count: 2000))
        let states = RequestStates(key: sealing, clock: .system)
        #expect(states.open(Array(name.utf8), for: key, at: "one", digest: []) == nil, "no state")
        let state = RequestState(
            session: SessionID(), call: 1, round: 1, digest: [7], expires: states.expiry, relayed: nil)
        let text = Array(try states.seal(state, for: key, at: "one").utf8)
        #expect(states.open(text, for: key, at: "one", digest: [7]) == state)
        #expect(handles.open(text, for: key, at: "one") == nil, "no task")
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
            let alice = bench.modern(capabilities: TaskWords.declaring)
            let name = try #require(try await alice.say("job").taskName)
            _ = try await alice.say("job")
            let foreign = try #require(
                try await bench.modern("bob", capabilities: TaskWords.declaring).say("job").taskName)
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

    @Test("c37: a call becomes a task, and nothing else does; a state that is too long to be carried is none")
    func odd() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let task = #"{\"resultType\":\"task\",\"taskId\":\"t\",\"status\":\"working\"}"#
            let prompt = try await client.ask(
                "prompts/get", #""name":"odd","arguments":{"result":"\#(task)"}"#, name: "odd")
            #expect(prompt.errorCode == -32603 && prompt.taskName == nil, "\(prompt.messages)")
            let asking = bench.modern(capabilities: Bench.everything)
            for (count, isCarried) in [(60_000, true), (70_000, false)] {
                let state = String(repeating: "s", count: count)
                let answer = try await asking.say(
                    "odd", #"{"result":{"resultType":"input_required","requestState":"\#(state)"}}"#)
                #expect((answer.state != nil) == isCarried && (answer.errorCode == -32603) == !isCarried, "\(count)")
            }
        }
    }

    @Test("c37: a task is looked for where it was made, whatever else the client declares by now")
    func elsewhere() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: TaskWords.declaring)
            let name = try #require(try await client.say("job", #"{"looks":9}"#).taskName)
            let more = bench.modern(
                capabilities: #"{"extensions":{"io.modelcontextprotocol/tasks":{}},"elicitation":{}}"#)
            #expect(try await more.say("pid").text != client.say("pid").text, "another process")
            #expect(try await more.task("get", name).taskStatus == "working")
            #expect(try await more.task("cancel", name).errorCode == nil)
            #expect(try await client.task("get", name).taskStatus == "cancelled")
        }
    }

    @Test(
        "c17, c34: where a modern server has no tasks they are not offered, and not there",
        arguments: [Isolation.session, .shared])
    func none(isolation: Isolation) async throws {
        var server = ServerDefinition.named("new", #","plain":true"#)
        server.isolation = isolation
        try await withAggregate([server, .member("old")]) { bench in
            var direct = bench.all()
            direct.path = "/new/mcp"
            for client in [direct, bench.all()] {
                let discovered = try #require(try await client.ask("server/discover").result)
                #expect((discovered["capabilities"] as? [String: Any])?["extensions"] == nil, "\(discovered)")
                for method in ["get", "update", "cancel"] {
                    let answer = try await client.task(method, "job/1")
                    #expect(answer.errorCode == -32601 && answer.status == 404, "\(client.path) \(method)")
                }
            }
            #expect(try await bench.all().heard(by: "new").isEmpty)
        }
    }

    @Test("c37, c16, c17: whoever did not declare tasks gets none; what is not of the extension is not there")
    func undeclared() async throws {
        try await withBench([.modern()]) { bench in
            let (client, poor) = (bench.modern(capabilities: TaskWords.declaring), bench.modern())
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
