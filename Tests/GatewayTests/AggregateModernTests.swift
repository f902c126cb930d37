import Foundation
import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Modern clients and modern servers that have others beside them: nothing is put into other words there either.
@Suite("All servers as one, in the modern era", .timeLimit(.minutes(2)))
struct AggregateModernTests {
    private static let servers: [ServerDefinition] = [
        .named("new"), .member("old", #""tools":["elicit","progress"]"#), .named("other"),
    ]

    @Test("C14, c37: tasks of several servers are followed at /mcp, each at the server that made it")
    func tasks() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = bench.all()
            let discovered = try #require(try await client.ask("server/discover").result)
            let extensions = (discovered["capabilities"] as? [String: Any])?["extensions"] as? [String: Any]
            #expect(extensions?.keys.sorted() == ["io.modelcontextprotocol/tasks"], "what is routed, and no more")
            let one = try await client.say("new__job", #"{"asks":["form"]}"#)
            let two = try await client.say("other__job", #"{"looks":9}"#)
            let (first, second) = (try #require(one.taskName), try #require(two.taskName))
            #expect(one.result?["resultType"] as? String == "task" && !first.contains("job") && !second.contains("job"))
            let asking = try await client.task("get", first)
            #expect(asking.taskStatus == "input_required" && asking.taskName == first)
            let question = asking.questions["form"]?["params"] as? [String: Any]
            #expect(question?["message"] as? String == "[new] Who?", "C12: who asks is said")
            #expect(try await client.task("get", second).taskStatus == "working")
            let answers = #""inputResponses":{"form":\#(TaskWords.accepted)}"#
            #expect(try await client.task("update", first, answers).result?["resultType"] as? String == "complete")
            let done = try await client.task("get", first)
            #expect(done.taskStatus == "completed" && "\(done.result?["result"] ?? "")".contains("Ada"))
            #expect(try await client.task("cancel", second).errorCode == nil)
            #expect(try await client.task("get", second).taskStatus == "cancelled")
            // Both servers call theirs the same.
            #expect(Set(try await client.heard(by: "new").map { $0[1] }) == ["job/1"])
            #expect(try await client.heard(by: "new").map { $0[0] }.contains("tasks/cancel") == false)
            #expect(try await client.heard(by: "other").map { $0[0] }.contains("tasks/update") == false)
            // Any session knows it: the one that made it may be gone.
            for session in bench.gateway.directory.all { await session.finish(.unresponsive) }
            #expect(try await client.task("get", first).errorCode == -32602, "its server has forgotten it")
            #expect(try await client.heard(by: "new") == [["tasks/get", "job/1"]])
        }
    }

    @Test("M08, C14: at /mcp the name of a task is nobody's but its client's, and good nowhere else")
    func foreign() async throws {
        try await withAggregate(Self.servers) { bench in
            let alice = bench.all()
            let name = try #require(try await alice.say("new__job").taskName)
            let unknown = try await alice.task("get", "unknown")
            #expect(unknown.errorCode == -32602 && unknown.status == 400)
            var direct = alice
            direct.path = "/new/mcp"
            let own = try #require(try await direct.say("job").taskName)
            let others = [(bench.all("bob"), name), (bench.all("alice-c2"), name), (direct, name), (alice, own)]
            for (client, name) in others + [(alice, "job/1")] {
                for method in ["get", "update", "cancel"] {
                    let answer = try await client.task(method, name, #""inputResponses":{}"#)
                    #expect(answer.messages == unknown.messages && answer.status == 400, "\(answer.messages)")
                }
            }
            for place in stride(from: 0, to: name.utf8.count, by: 11) {
                var bytes = Array(name.utf8)
                bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let answer = try await alice.task("get", String(decoding: bytes, as: UTF8.self))
                #expect(answer.messages == unknown.messages, "byte \(place)")
            }
            #expect(try await alice.heard(by: "new").isEmpty, "no server heard of it")
            #expect(try await bench.all(capabilities: "{}").task("get", name).errorCode == -32021)
            #expect(try await bench.all(capabilities: "{}").say("new__job").errorCode == -32021)
            #expect(try await alice.task("get", name).taskStatus == "completed", "and its client has it still")
        }
        // Where no server has any they are not there.
        try await withAggregate([.member("old")]) { bench in
            let answer = try await bench.all().task("get", "unknown")
            #expect(answer.errorCode == -32601 && answer.status == 404)
        }
    }

    @Test("C10, C14, c26: one listen tells of tasks at several servers, and of what changes beside them")
    func listening() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = bench.all()
            let names = [
                try #require(try await client.say("new__job").taskName),
                try #require(try await client.say("other__job").taskName),
            ]
            let foreign = try #require(try await bench.all("bob").say("new__job").taskName)
            // The first one is listened for; the second of the same server is not.
            _ = try await client.say("new__job")
            let asked = (names + [foreign, "job/2"]).map { #""\#($0)""# }.joined(separator: ",")
            let stream = try await client.listen(#"{"taskIds":[\#(asked)],"toolsListChanged":true}"#, id: "7")
            let first = try #require(try await stream.next()?.data)
            let parsed = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
            let kept = (parsed?["params"] as? [String: Any])?["notifications"] as? [String: Any]
            #expect(Set(kept?["taskIds"] as? [String] ?? []) == Set(names), "\(first)")
            #expect(kept?["toolsListChanged"] as? Bool == true && first.contains(#"subscriptionId":7"#), "\(first)")
            for server in ["new", "other"] { _ = try await client.say("\(server)__announce") }
            var told: Set<String> = []
            while told.count < 2 {
                let text = try #require(try await stream.next()?.data)
                guard text.contains("notifications/tasks") else { continue }
                #expect(text.contains(#"subscriptionId": 7"#) && !text.contains("job/"), "\(text)")
                told.formUnion(names.filter { text.contains($0) })
            }
            // One server ends its part: the rest goes on.
            _ = try await client.say("new__end")
            _ = try await client.say("other__announce")
            while let text = try await stream.next()?.data {
                #expect(!text.contains(#""result""#), "\(text)")
                if text.contains(names[1]) { break }
            }
            stream.cut()
            try await eventuallyTrue("the servers are told") {
                let seen = try await client.say("other__seen").parsedText
                return (seen?["listens"] as? [[String: Any]])?.contains { $0["taskIds"] != nil } == false
            }
        }
    }

    @Test(
        "C12, c27, M08: at /mcp questions of modern servers pass under their keys and say who asks; legacy ones as ever"
    )
    func questions() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = bench.all()
            let asked = try await client.say("new__elicit")
            #expect(asked.key(of: "elicitation/create") == "k/1", "\(asked.messages)")
            let params = asked.questions["k/1"]?["params"] as? [String: Any]
            #expect(params?["message"] as? String == "[new] Who?")
            let retry = asked.retry(["k/1": TaskWords.accepted])
            #expect(try await bench.all("bob").say("new__elicit", "{}", retry).errorCode == -32602)
            #expect(try await client.say("other__elicit", "{}", retry).errorCode == -32602, "another server's")
            let done = try await client.say("new__elicit", "{}", retry)
            #expect(done.parsedText?["state"] as? String == "st\u{e9}\"ate/\\" && done.text?.contains("Ada") == true)
            let old = try await client.say("old__elicit")
            let key = try #require(old.key(of: "elicitation/create"), "\(old.messages)")
            let answer = try await client.say("old__elicit", "{}", old.retry([key: #"{"action":"decline"}"#]))
            #expect(answer.said["action"] as? String == "decline", "\(answer.messages)")
            let told = try await client.say("old__progress", meta: #","progressToken":"p","com.example/k":1"#)
            #expect(told.said["com.example/k"] as? Int == 1)
            #expect(told.text?.contains("io.modelcontextprotocol") == false, "D2: \(told.messages)")
        }
    }

    @Test("c23, c28, c29, D2: at /mcp a modern server gets the client's own envelope, and the client what it answers")
    func envelopes() async throws {
        try await withAggregate(Self.servers) { bench in
            var client = bench.all()
            let meta = #","progressToken":"p","com.example/k":1,"dev.sallyport/identity":"forged""#
            let told = try #require(
                try await client.say("new__params", meta: meta).parsedText?["_meta"] as? [String: Any])
            #expect((told["io.modelcontextprotocol/clientInfo"] as? [String: Any])?["name"] as? String == "plain")
            let declared = told["io.modelcontextprotocol/clientCapabilities"] as? [String: Any]
            #expect(declared?.keys.sorted() == ["elicitation", "extensions", "sampling"])
            #expect(told["com.example/k"] as? Int == 1 && told["progressToken"] is Int)
            #expect((told["dev.sallyport/identity"] as? [String: Any])?["user"] as? String == "alice")
            let echoed = try await client.say("new__echo", #"{"message":"x"}"#)
            #expect((echoed.result?["_meta"] as? [String: Any])?["kept"] as? Int == 1 && echoed.text == "x")
            let progress = try await client.say("new__progress", meta: #","progressToken":"t/1""#)
            #expect(progress.messages.dropLast().allSatisfy { $0.contains(#""t/1""#) } && progress.messages.count > 2)
            client.logLevel = "warning"
            let logged = try await client.say("new__log")
            #expect(logged.text == "logged warning" && logged.messages.count == 2, "\(logged.messages)")
            #expect(logged.messages.first?.contains(#""logger":"new""#) == true, "C12: \(logged.messages)")
            for server in ["new", "other"] {
                let faults = try await client.say("\(server)__seen").parsedText?["faults"] as? [String]
                #expect(faults?.isEmpty == true, "\(faults ?? [])")
            }
        }
    }

    @Test("M09, c25: at /mcp, too, nothing may be shared where a policy gives to some what others have not")
    func sharing() async throws {
        let server = ServerDefinition.named("new", #","given":{"ttlMs":9,"cacheScope":"public"}"#)
        for isGuarded in [false, true] {
            try await withAggregate([server]) { configuration in
                guard isGuarded else { return }
                var rules = AccessRules()
                rules.mappings = ["*": ["all"]]
                rules.permissions = ["new:*": ["all"]]
                configuration.access = rules
            } _: { bench in
                let result = try await bench.all().ask(
                    "resources/read", #""uri":"new+file:///given""#, name: "new+file:///given"
                ).result
                #expect(result?["ttlMs"] as? Int == 9, "\(result ?? [:])")
                #expect(result?["cacheScope"] as? String == (isGuarded ? "private" : "public"))
            }
        }
    }

    @Test("c21, d6: at /mcp a client that goes away cancels its call at the modern server")
    func disconnect() async throws {
        try await withAggregate(Self.servers) { bench in
            let client = bench.all(capabilities: "{}")
            let hanging = try await client.sent("new__hang")
            _ = try await client.say("new__seen")
            hanging.http.connection.reset()
            try await eventuallyTrue("the call is cancelled") {
                let seen = try await client.say("new__seen").parsedText
                return (seen?["cancelled"] as? [Any])?.isEmpty == false
            }
        }
    }
}

/// Which leg of a server of both eras is used where several servers, or several sessions, are one.
@Suite("Servers of both eras at /mcp", .timeLimit(.minutes(2)))
struct AggregateEraTests {
    @Test("B0.1: at /mcp, too, a server of both eras is used in that of its client")
    func both() async throws {
        let both = ServerDefinition.named("both", #","initialize":"legacy""#)
        try await withAggregate([.member("one"), both]) { bench in
            // Its legacy leg lists nothing.
            let old = try await bench.open("/mcp")
            #expect(try await old.demand("tools/list").listed("tools") == ["one__echo"])
            let new = bench.all()
            #expect(try await new.ask("tools/list").listed("tools").contains("both__echo"))
            #expect(try await new.say("both__echo", #"{"message":"modern"}"#).text == "modern")
            #expect(try await new.say("one__echo").said["server"] as? String == "one")
        }
    }

    @Test("d3: one that ends at the question for its era is begun once more, and its absence is no failure")
    func misaddressed() async throws {
        let strict = ServerDefinition.named("strict", #","initialize":"legacy","discover":"exit""#)
        try await withAggregate([.member("one"), strict]) { bench in
            let client = bench.all()
            let discovered = try await client.ask("server/discover")
            let instructions = discovered.result?["instructions"] as? String
            #expect(instructions?.contains("strict") == true && instructions?.contains("not available") == false)
            #expect(try await client.ask("tools/list").listed("tools") == ["one__echo"])
            let metrics = String(decoding: bench.gateway.configuration.metrics.prometheusText(), as: UTF8.self)
            #expect(metrics.contains(#"sallyport_aggregate_absences{server="strict"} 0"#), "\(metrics)")
        }
    }
}
