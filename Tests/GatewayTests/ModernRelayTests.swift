import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// Nothing is lost on the way that is no hop's own (mcp.md B2, modern client, "stdio modern").
@Suite("Modern client, modern server", .timeLimit(.minutes(2)))
struct ModernRelayTests {
    private static let tasks = #"{"extensions":{"io.modelcontextprotocol/tasks":{},"com.example/y":{"b":2}}}"#
    private static let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#

    private static func seen(_ client: PlainModernMCP) async throws -> [String: Any] {
        try await client.say("seen").parsedText ?? [:]
    }

    @Test(
        "B2, c23, c24, c25, c34, c37: results, cache hints, extensions and methods of extensions come as the server made them"
    )
    func results() async throws {
        try await withBench([.modern(#"{"discover":["2026-07-28","2031-01-01"]}"#)]) { bench in
            let client = bench.modern(capabilities: Self.tasks)
            let discovered = try #require(try await client.ask("server/discover", id: #""d""#).result)
            #expect(discovered["supportedVersions"] as? [String] == ["2026-07-28"], "c15: what is served here")
            #expect(discovered["ttlMs"] as? Int == 1000 && discovered["cacheScope"] as? String == "public")
            let extensions = (discovered["capabilities"] as? [String: Any])?["extensions"] as? [String: Any]
            #expect(Set((extensions ?? [:]).keys) == ["io.modelcontextprotocol/tasks", "com.example/x"])
            let list = try #require(try await client.ask("tools/list").result)
            #expect(list["ttlMs"] as? Int == 5 && list["cacheScope"] as? String == "public")
            #expect((list["_meta"] as? [String: Any])?["kept"] as? Int == 1)
            let task = #"{"resultType":"task","taskId":"t","status":"working","more":[1.0,9007199254740993]}"#
            let odd = try await client.say("odd", #"{"result":\#(task)}"#)
            #expect(
                odd.result?["resultType"] as? String == "task" && odd.messages[0].contains("[1.0, 9007199254740993]"))
            let bare = try await client.say("odd", #"{"result":{"content":[]}}"#)
            #expect(bare.result?["resultType"] as? String == "complete", "d7: absent means complete")
            #expect(try await client.ask("com.example/extra").result?["extra"] as? Bool == true)
            #expect(try await client.ask("com.example/none").status == 404)
            for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"] {
                #expect(try await client.ask(method).status == 404, "c17: \(method)")
            }
            #expect((try await Self.seen(client)["faults"] as? [String])?.contains("ping") == false)
        }
    }

    @Test("R05, c25: a list that is not as the server wrote it is not to be shared, and its tools cannot be called")
    func filtered() async throws {
        var server = ServerDefinition.modern()
        server.tools = ToolFilter(deny: ["raw"])
        try await withBench([server]) { bench in
            let client = bench.modern()
            let list = try #require(try await client.ask("tools/list").result)
            #expect((list["tools"] as? [Any])?.count == 1 && list["cacheScope"] as? String == "private")
            #expect(try await client.say("raw").errorCode == -32602)
        }
    }

    @Test("B2: the client's own envelope goes on; tokens and identity are of this hop")
    func envelope() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: Self.tasks)
            let meta =
                #","progressToken":"p","traceparent":"00-1-2-01","dev.sallyport/identity":"forged","com.example/k":1"#
            let params = try #require(try await client.say("params", #"{"n":1.0}"#, meta: meta).parsedText)
            let told = try #require(params["_meta"] as? [String: Any])
            #expect((told["io.modelcontextprotocol/clientInfo"] as? [String: Any])?["name"] as? String == "plain")
            let declared = told["io.modelcontextprotocol/clientCapabilities"] as? [String: Any]
            #expect((declared?["extensions"] as? [String: Any])?.count == 2)
            #expect(told["traceparent"] != nil && told["com.example/k"] as? Int == 1)
            #expect(told["progressToken"] is Int, "made anew")
            #expect((told["dev.sallyport/identity"] as? [String: Any])?["user"] as? String == "alice")
            let progress = try await client.say("progress", meta: #","progressToken":"t/1""#)
            #expect(progress.messages.dropLast().allSatisfy { $0.contains(#""t/1""#) } && progress.messages.count == 3)
            var logging = client
            logging.logLevel = "warning"
            let logged = try await logging.say("log")
            #expect(logged.text == "logged warning" && logged.messages.count == 2, "\(logged.messages)")
        }
    }

    @Test("B2, c5: one process serves all calls of a client, also those that may be asked; each gets its own answer")
    func concurrent() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            #expect(try await client.say("pid").status == 200)
            try await withThrowingTaskGroup { group in
                for number in 0..<40 {
                    group.addTask {
                        let answer = try await client.say("echo", id: #""7""#, #"{"message":"m\#(number)"}"#)
                        #expect(answer.text == "m\(number)" && answer.object["id"] as? String == "7")
                    }
                }
                try await group.waitForAll()
            }
            #expect(bench.gateway.processCount == 1)
        }
    }

    @Test(
        "c27, M08: questions pass under the server's keys, its state sealed to who got it, and comes back byte for byte"
    )
    func questions() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let asked = try await client.say("elicit", id: "5", #"{"for":"a"}"#)
            #expect(
                asked.result?["resultType"] as? String == "input_required"
                    && asked.key(of: "elicitation/create") == "k/1")
            let state = try #require(asked.state)
            #expect(!state.contains("ate"), "not the server's own")
            let retry = asked.retry(["k/1": Self.accepted])
            let done = try await client.say("elicit", id: "6", #"{"for":"a"}"#, retry)
            let told = try #require(done.parsedText)
            #expect(told["state"] as? String == "st\u{e9}\"ate/\\" && done.text?.contains("Ada") == true)
            for token in ["bob", "alice-c2"] {
                let other = bench.modern(token, capabilities: Bench.everything)
                #expect(try await other.say("elicit", #"{"for":"a"}"#, retry).errorCode == -32602, "\(token)")
            }
            #expect(try await client.say("elicit", #"{"for":"b"}"#, retry).errorCode == -32602, "other arguments")
            for place in stride(from: 0, to: state.utf8.count, by: 9) {
                var bytes = Array(state.utf8)
                bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                let forged = asked.retry(["k/1": Self.accepted], state: String(decoding: bytes, as: UTF8.self))
                #expect(try await client.say("elicit", #"{"for":"a"}"#, forged).errorCode == -32602, "byte \(place)")
            }
            let own = asked.retry(["k/1": Self.accepted], state: "1")
            #expect(try await client.say("again", "{}", own).errorCode == -32602, "a state that was not given out here")
            // What the server did not give it does not get.
            let two = try await client.say("two")
            #expect(two.questions.count == 2 && two.state == nil)
            let answers = #""inputResponses":{"form":\#(Self.accepted)}"#
            #expect(try await client.say("two", "{}", answers).text?.hasSuffix("None") == true)
            // The server keeps nothing: another process of it goes on.
            for session in bench.gateway.directory.all { await session.finish(.unresponsive) }
            #expect(try await client.say("elicit", #"{"for":"a"}"#, retry).text?.contains("Ada") == true)
            #expect(try await client.ask("prompts/list").errorCode == -32603, "no questions here")
        }
    }

    @Test("c26: listens are the server's, under the client's ids of either type; each side can end them")
    func listens() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern()
            let one = try await client.listen(#"{"toolsListChanged":true}"#, id: "7")
            let two = try await client.listen(
                #"{"resourceSubscriptions":["file:///a","file:///refused"]}"#, id: #""x""#)
            for (stream, id, kept) in [(one, #": 7}"#, "toolsListChanged"), (two, #": "x"}"#, "file:///a")] {
                let first = try #require(try await stream.next()?.data)
                #expect(first.contains("acknowledged") && first.contains(id) && first.contains(kept), "\(first)")
                #expect(!first.contains("refused"))
            }
            _ = try await client.say("announce", #"{"updated":["file:///a"]}"#)
            let tools = try #require(try await one.next()?.data)
            #expect(tools.contains("tools/list_changed") && tools.contains(#": 7}"#), "\(tools)")
            var updated = try #require(try await two.next()?.data)
            while !updated.contains("updated") { updated = try #require(try await two.next()?.data) }
            #expect(updated.contains(#": "x""#) && updated.contains(#""kept": 2"#), "\(updated)")
            one.cut()
            try await eventuallyTrue("the server is told") {
                (try await Self.seen(client)["listens"] as? [Any])?.count == 1
            }
            #expect(try await client.say("end").text == "ended")
            let last = try #require(try await two.rest().compactMap(\.data).last)
            #expect(last.contains(#""result""#) && last.contains(#": "x""#), "\(last)")
            #expect(bench.gateway.processCount == 1)

            // And when the gateway stops.
            let three = try await client.listen(#"{"toolsListChanged":true}"#, id: "9")
            _ = try await three.next()
            let began = ContinuousClock.now
            await bench.gateway.drain(within: .seconds(10))
            #expect(ContinuousClock.now - began < .seconds(5))
            let end = try #require(try await three.rest().compactMap(\.data).last)
            #expect(end.contains(#""result""#) && end.contains(":9"), "\(end)")
        }
    }

    @Test("M10: a listen that the server refuses holds no place for streams")
    func refusedListens() async throws {
        try await withBench([.modern(#"{"deaf":true}"#)], change: { $0.limits.streamsPerPrincipal = 2 }) { bench in
            let client = bench.modern()
            for round in 1...4 {
                let answer = try await client.ask(
                    "subscriptions/listen", #""notifications":{"toolsListChanged":true}"#)
                #expect(answer.status == 404 && answer.errorCode == -32601, "\(round): \(answer.messages)")
            }
        }
    }

    @Test("c26: a listen that the server only cancels ends with a result")
    func cancelledListen() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern()
            let stream = try await client.listen(#"{"toolsListChanged":true}"#, id: #""x""#)
            _ = try await stream.next()
            #expect(try await client.say("end", #"{"how":"cancelled"}"#).text == "ended")
            let last = try #require(try await stream.rest().compactMap(\.data).last)
            #expect(last.contains(#""resultType":"complete""#) && last.contains(#""x""#), "\(last)")
        }
    }

    @Test("c21, d6: a client that goes away cancels its call at the server")
    func disconnect() async throws {
        try await withBench([.modern()], change: { $0.limits.commitDelay = .milliseconds(50) }) { bench in
            let client = bench.modern()
            let stream = try await onThread {
                try Stream(client.stream("tools/call", #""name":"hang","arguments":{}"#, name: "hang"))
            }
            #expect(stream.head.isEventStream)
            stream.cut()
            try await eventuallyTrue("the server is told") {
                (try await Self.seen(client)["cancelled"] as? [Any])?.count == 1
            }
        }
    }

    @Test("B4, c16, c30: what the server says of this hop stays here, what it says of the client's request goes on")
    func errors() async throws {
        try await withBench([.modern()]) { bench in
            let client = bench.modern()
            for (code, expected, status) in [
                (-32020, -32603, 200), (-32022, -32603, 200), (-32601, -32601, 404), (-32602, -32602, 400),
                (42, 42, 200),
            ] {
                let answer = try await client.say("code", #"{"code":\#(code)}"#)
                #expect(answer.errorCode == expected && answer.status == status, "\(answer.messages)")
            }
            let needs = #"{"code":-32021,"data":{"requiredCapabilities":{"sampling":{}}}}"#
            let refused = try await client.say("code", needs)
            #expect(refused.status == 400 && refused.errorCode == -32021)
            #expect(refused.messages[0].contains("requiredCapabilities"))
            for odd in ["7", #"{"resultType":"input_required"}"#] {
                #expect(try await client.say("odd", #"{"result":\#(odd)}"#).errorCode == -32603, "\(odd)")
            }
            let line = #"{"jsonrpc":"2.0","id":4,"method":"elicitation/create","params":{}}"#
            let arguments = String(decoding: try JSONSerialization.data(withJSONObject: ["line": line]), as: UTF8.self)
            #expect(try await client.say("write", arguments).messages.count == 1)
            #expect((try await Self.seen(client)["faults"] as? [String])?.isEmpty == true, "d1: nothing is answered")
        }
    }
}
