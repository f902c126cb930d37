import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Parked calls and tasks belong to their server (mcp.md C14), and so do the views of apps (C15).
@Suite("All servers as one: tasks, parked calls, views", .timeLimit(.minutes(2)))
struct AggregateTaskTests {
    /// A server with the tasks of 2025-11-25; all call theirs `t 1`. Its argument is its name.
    private static let tasking = #"""
        import json, sys
        name, seen = sys.argv[1], []
        TASK = {"taskId": "t 1", "status": "working", "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z", "ttl": 60000}
        RELATION = {"io.modelcontextprotocol/related-task": {"taskId": "t 1"}}
        pending = {}
        def send(message):
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            sys.stdout.flush()
        for line in sys.stdin:
            message = json.loads(line)
            method, params, id = message.get("method"), message.get("params", {}), message.get("id")
            if method is None:
                waiting = pending.pop(id)
                send({"id": waiting, "result": {"content": [{"type": "text", "text": "%s asked: %s" % (name, json.dumps(message["result"]))}], "_meta": RELATION}})
            elif id is None: continue
            elif method == "initialize":
                tasks = {"cancel": {}, "list": {}, "requests": {"tools": {"call": {}}}} if name != "plain" else {}
                send({"id": id, "result": {"protocolVersion": params["protocolVersion"], "serverInfo": {"name": name, "version": "1"}, "capabilities": {"tools": {}, "tasks": tasks}}})
            elif method == "tools/list": send({"id": id, "result": {"tools": [{"name": "work", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "optional"}}]}})
            elif method == "tools/call" and "task" in params:
                send({"id": id, "result": {"task": TASK}})
                send({"method": "notifications/tasks/status", "params": {**TASK, "statusMessage": name, "_meta": RELATION}})
                send({"method": "notifications/tasks/status", "params": {**TASK, "taskId": "somebody else's"}})
            elif method == "tools/call": send({"id": id, "result": {"content": [{"type": "text", "text": json.dumps(seen)}], "taskId": "t 1"}})
            elif method == "tasks/result":
                seen.append([method, params["taskId"]])
                pending["q"] = id
                send({"id": "q", "method": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}, "_meta": RELATION}})
            elif method.startswith("tasks/"):
                seen.append([method, params.get("taskId")])
                send({"id": id, "result": {**TASK, "statusMessage": name}})
            else: send({"id": id, "error": {"code": -32601, "message": "no"}})
        """#

    private static let servers = ["one", "two", "plain"].map { ServerDefinition.python($0, tasking, [$0]) }
    private static let unknown = -32602

    private static func begin(_ client: PlainMCP, _ tool: String) async throws -> String {
        let answer = try await client.demand("tools/call", #"{"name":"\#(tool)","arguments":{},"task":{"ttl":60000}}"#)
        let task = try #require(answer.result?["task"] as? [String: Any], "\(answer.messages)")
        #expect(task["status"] as? String == "working" && task["ttl"] as? Int == 60000)
        return try #require(task["taskId"] as? String)
    }

    private static func about(_ client: PlainMCP, _ method: String, _ task: String) async throws -> MCPAnswer {
        try await client.demand(method, #"{"taskId":"\#(task)"}"#)
    }

    @Test(
        "C14: a task is asked of the server that has it, under that server's name for it, and answered under the client's"
    )
    func tasks() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = try await bench.open("/mcp", version: "2025-11-25")
            let (one, two) = (try await Self.begin(client, "one__work"), try await Self.begin(client, "two__work"))
            #expect(one != two && one != "t 1")
            for (task, name) in [(one, "one"), (two, "two")] {
                for method in ["tasks/get", "tasks/cancel"] {
                    let answer = try await Self.about(client, method, task)
                    #expect(
                        answer.result?["statusMessage"] as? String == name
                            && answer.result?["taskId"] as? String == task)
                }
            }
            let seen = try await client.say("one__work")
            #expect(seen.text == #"[["tasks/get", "t 1"], ["tasks/cancel", "t 1"]]"#, "\(seen.messages)")
            #expect(seen.result?["taskId"] as? String == "t 1", "no task, whatever it looks like")
            for method in ["tasks/list", "tasks/update", "tasks/"] {
                #expect(try await Self.about(client, method, one).errorCode == -32601, "\(method)")
            }
        }
    }

    @Test("C14, M08: a task is its principal's, in whatever session; a changed name is of nobody's task")
    func owners() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = try await bench.open("/mcp", version: "2025-11-25")
            let task = try await Self.begin(client, "two__work")
            let again = try await bench.open("/mcp", version: "2025-11-25")
            let answer = try await Self.about(again, "tasks/get", task)
            #expect(answer.result?["statusMessage"] as? String == "two" && answer.result?["taskId"] as? String == task)
            for other in ["bob", "alice-c2"] {
                let client = try await bench.open("/mcp", other, version: "2025-11-25")
                let answer = try await Self.about(client, "tasks/get", task)
                #expect(answer.errorCode == Self.unknown && answer.errorMessage == "Unknown task")
            }
            var bytes = Array(task.utf8)
            for position in stride(from: 0, to: bytes.count, by: 7) {
                bytes[position] ^= 1
                let changed = String(decoding: bytes, as: UTF8.self).filter { $0.isLetter || $0.isNumber }
                #expect(try await Self.about(client, "tasks/get", changed).errorCode == Self.unknown)
                bytes[position] ^= 1
            }
            for odd in ["", "t 1", "two", String(repeating: "A", count: 10_000)] {
                #expect(try await Self.about(client, "tasks/get", odd).errorCode == Self.unknown)
            }
            #expect(try await client.demand("tasks/get", #"{"taskId":7}"#).errorCode == Self.unknown)
            #expect(try await client.demand("tasks/get").errorCode == Self.unknown)
        }
    }

    @Test(
        "C14: what a server says of a task by itself, asks for it and gives as its result has the client's name for it")
    func related() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = try await bench.open("/mcp", version: "2025-11-25")
            let stream = try await client.listen()
            let task = try await Self.begin(client, "one__work")
            var status = try #require(try await stream.next())
            while status.object["params"] == nil { status = try #require(try await stream.next()) }
            let params = try #require(status.object["params"] as? [String: Any], "\(status)")
            #expect(params["taskId"] as? String == task && params["statusMessage"] as? String == "one")
            func relation(_ holder: [String: Any]?) -> String? {
                let meta = holder?["_meta"] as? [String: Any]
                return (meta?["io.modelcontextprotocol/related-task"] as? [String: Any])?["taskId"] as? String
            }
            #expect(relation(params) == task)
            let call = try await client.streamed(PlainMCP.request("tasks/result", id: 5, #"{"taskId":"\#(task)"}"#))
            // The first event of a stream may say nothing but where to go on.
            var question = try #require(try await call.next())
            while question.object["method"] as? String != "elicitation/create" {
                question = try #require(try await call.next())
            }
            #expect(relation(question.object["params"] as? [String: Any]) == task, "\(question)")
            let id = try #require(question.object["id"] as? Int)
            _ = try await client.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"decline"}}"#)
            let answer = try #require(try await call.next()?.object)
            let result = try #require(answer["result"] as? [String: Any])
            #expect(relation(result) == task && answer["id"] as? Int == 5)
            #expect(!"\(result)".contains("t 1"))
            let metrics = String(decoding: bench.gateway.configuration.metrics.prometheusText(), as: UTF8.self)
            #expect(
                metrics.contains(#"sallyport_discarded_lines_total{server="one"} 1"#), "what it says of somebody else's"
            )
        }
    }

    @Test("R05, M08: a task of a server that its client may not use any more is nobody's, and nothing is heard of it")
    func forbidden() async throws {
        try await withAggregate([Self.servers[0], .named("new"), .named("open")]) { configuration in
            var rules = AccessRules()
            rules.mappings = ["*": ["all"], "groups:Admin": ["admin"]]
            rules.permissions = ["one:*": ["admin"], "new:*": ["admin"], "open:*": ["all"]]
            configuration.access = rules
        } _: { bench in
            var legacy = try await bench.open("/mcp", "alice-admin", version: "2025-11-25")
            let old = try await Self.begin(legacy, "one__work")
            let admin = bench.all("alice-admin")
            let new = try #require(try await admin.say("new__job").taskName)
            #expect(try await admin.task("get", new).taskStatus == "completed")
            legacy.token = "alice"
            #expect(try await Self.about(legacy, "tasks/get", old).errorCode == Self.unknown)
            let alice = bench.all("alice")
            for method in ["get", "update", "cancel"] {
                let answer = try await alice.task(method, new)
                #expect(answer.errorCode == Self.unknown, "\(method): \(answer.messages)")
            }
            let stream = try await alice.listen(#"{"taskIds":["\#(new)"],"toolsListChanged":true}"#, id: "7")
            let acknowledgement = try await stream.next()?.data
            #expect(acknowledgement?.contains("acknowledged") == true && acknowledgement?.contains(new) == false)
            legacy.token = "alice-admin"
            #expect(try await Self.about(legacy, "tasks/get", old).result?["statusMessage"] as? String == "one")
        }
    }

    @Test("C14, C8: tasks are offered in the revision that has them, where a server has them")
    func offered() async throws {
        func tasks(_ bench: Bench, _ version: String) async throws -> Set<String>? {
            let port = bench.port
            let answer = try await onThread {
                var client = PlainMCP(port: port, path: "/mcp", token: "alice")
                client.version = version
                return try client.open()
            }
            let capabilities = answer.result?["capabilities"] as? [String: Any]
            return (capabilities?["tasks"] as? [String: Any]).map { Set($0.keys) }
        }
        try await withAggregate(Self.servers) { bench in
            #expect(try await tasks(bench, "2025-11-25") == ["cancel", "requests"])
            #expect(try await tasks(bench, "2025-06-18") == nil)
            let old = try await bench.open("/mcp", version: "2025-06-18")
            #expect(try await old.demand("tasks/get", #"{"taskId":"x"}"#).errorCode == -32601)
        }
        try await withAggregate([Self.servers[2]]) { bench in
            let offered = try await tasks(bench, "2025-11-25")
            #expect(offered == nil)
        }
    }

    @Test("C14: a parked call is resumed at the server that asked, by whoever was asked, and by no other tool")
    func parked() async throws {
        let servers = ["one", "two"].map { ServerDefinition.member($0, #""tools":["elicit","seen"]"#) }
        try await withAggregate(servers) { bench in
            let client = PlainModernMCP(
                port: bench.port, path: "/mcp", token: "alice", capabilities: #"{"elicitation":{}}"#)
            func ask(_ tool: String) async throws -> (state: String, key: String, text: String) {
                let result = try #require(try await client.say(tool).result)
                #expect(result["resultType"] as? String == "input_required")
                let (key, request) = try #require((result["inputRequests"] as? [String: [String: Any]])?.first)
                let params = request["params"] as? [String: Any]
                return (try #require(result["requestState"] as? String), key, params?["message"] as? String ?? "")
            }
            func retry(
                _ client: PlainModernMCP, _ tool: String, _ asked: (state: String, key: String, text: String),
                _ value: String
            ) async throws -> MCPAnswer {
                let members =
                    #""requestState":"\#(asked.state)","inputResponses":{"\#(asked.key)":{"action":"accept","content":{"v":"\#(value)"}}}"#
                return try await client.say(tool, "{}", members)
            }
            let (one, two) = (try await ask("one__elicit"), try await ask("two__elicit"))
            #expect(one.text.hasPrefix("[one]") && two.text.hasPrefix("[two]"))
            #expect(try await retry(client, "two__elicit", one, "x").errorCode == -32602, "name and state disagree")
            #expect(try await retry(client, "one__elicit", two, "x").errorCode == -32602)
            #expect(try await retry(client, "one__seen", one, "x").errorCode == -32602)
            var bob = client
            bob.token = "bob"
            #expect(try await retry(bob, "one__elicit", one, "x").errorCode == -32602)
            #expect(try await retry(client, "two__elicit", two, "second").text?.contains("second") == true)
            #expect(try await retry(client, "one__elicit", one, "first").text?.contains("first") == true)
            #expect(try await retry(client, "one__elicit", one, "again").errorCode != nil, "once")
        }
    }

    @Test("C15: a view is found at its server, and its own names of tools are at that server's address")
    func views() async throws {
        let servers = ["one", "two"].map {
            ServerDefinition.member(
                $0, #""tools":["viewed","echo"],"view":"ui://\#($0)/view","resources":["ui://\#($0)/view"]"#)
        }
        try await withAggregate(servers) { bench in
            let all = try await bench.open("/mcp")
            let list = try await all.demand("tools/list")
            let tools = try #require(list.result?["tools"] as? [[String: Any]])
            let view = try #require(tools.first { $0["name"] as? String == "two__viewed" }?["_meta"] as? [String: Any])
            #expect(
                (view["ui"] as? [String: Any])?["resourceUri"] as? String == "ui://two/view",
                "hosts look for that scheme")
            let read = try await all.demand("resources/read", #"{"uri":"ui://two/view"}"#)
            #expect(read.messages.joined().contains("of two"), "\(read.messages)")
            // What is in a view calls tools by the names that its server gave them.
            #expect(try await all.say("echo").errorCode == -32602)
            let own = try await bench.open("/two/mcp")
            #expect(try await own.say("echo").said["server"] as? String == "two")
            #expect(try await own.demand("tools/list").listed("tools") == ["viewed", "echo"])
        }
    }
}
