import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

extension ServerDefinition {
    /// A server of 2026-07-28; `options` is JSON, see `Script.modern`.
    static func modern(
        _ options: String = "{}", era: ServerEra = .automatic, timeout: Duration = .seconds(20)
    ) -> ServerDefinition {
        var server = ServerDefinition.python("demo", Script.modern, [options], timeout: timeout)
        server.era = era
        return server
    }
}

extension Bench {
    /// A session of a legacy client that can be asked everything.
    func legacy(
        _ version: String = "2025-11-25", capabilities: String = everything
    ) async throws -> PlainMCP {
        let port = port
        return try await onThread {
            try PlainMCP.opened(
                port: port, path: "/demo/mcp", token: "alice", version: version, capabilities: capabilities)
        }
    }
}

extension PlainMCP {
    func ask(_ method: String, id: Int = 1, _ params: String = "{}") async throws -> MCPAnswer {
        try await onThread { try self.post(Self.request(method, id: id, params)) }
    }

    /// A call whose questions are answered: `answer` makes the members of the response, from the method and the parameters.
    func conversation(
        _ tool: String, _ arguments: String = "{}", method: String = "tools/call",
        _ answer: ([String: Any]) -> String
    ) async throws -> (questions: [[String: Any]], last: MCPAnswer) {
        let text = Self.request(method, id: 3, #"{"name":"\#(tool)","arguments":\#(arguments)}"#)
        let stream = try await streamed(text)
        var questions: [[String: Any]] = []
        while let event = try await stream.next() {
            guard let data = event.data, !data.isEmpty else { continue }
            let object = try JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any] ?? [:]
            guard object["method"] != nil, let id = object["id"] as? Int else {
                if object["id"] != nil {
                    var response = stream.head
                    response.body = Array(data.utf8)
                    return (questions, MCPAnswer(messages: [data], response))
                }
                continue
            }
            questions.append(object)
            let status = try await send(#"{"jsonrpc":"2.0","id":\#(id),\#(answer(object))}"#).status
            #expect(status == 202)
        }
        throw PlainBrowser.WalkError(description: "the stream ended without an answer")
    }
}

extension MCPAnswer {
    init(messages: [String], _ response: PlainResponse) {
        self.init(response)
        self.messages = messages
    }

    var parsedText: [String: Any]? {
        text.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) } as? [String: Any]
    }
}

/// Legacy clients in front of a server that speaks 2026-07-28 alone (mcp.md B1, B2 "stdio modern").
@Suite("Legacy client, modern server", .timeLimit(.minutes(2)))
struct ModernServerTests {
    @Test(
        "B1: initialize is answered from server/discover, in the client's revision",
        arguments: [
            ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"),
            ("2099-01-01", "2025-11-25"),
        ]
    )
    func handshake(offered: String, agreed: String) async throws {
        try await withBench([.modern()]) { bench in
            var client = PlainMCP(port: bench.port, path: "/demo/mcp", token: "alice")
            client.version = offered
            let answer = try await onThread { [client] in
                var client = client
                return try client.open(capabilities: Bench.everything)
            }
            let result = try #require(answer.result)
            #expect(result["protocolVersion"] as? String == agreed)
            #expect((result["serverInfo"] as? [String: Any])?["name"] as? String == "modern")
            #expect(result["instructions"] as? String == "Be modern.")
            let capabilities = try #require(result["capabilities"] as? [String: Any])
            #expect(
                Set(capabilities.keys) == ["tools", "resources", "prompts", "logging", "completions", "extensions"])
            #expect(Array((capabilities["extensions"] as? [String: Any] ?? [:]).keys) == ["com.example/x"], "no tasks")
            for key in ["resultType", "ttlMs", "cacheScope", "_meta", "supportedVersions"] {
                #expect(result[key] == nil)
            }
        }
    }

    @Test("B1: every request gets the envelope, with what the client declared in words of the new era")
    func envelope() async throws {
        try await withBench([.modern()]) { bench in
            func meta(_ version: String, _ capabilities: String) async throws -> [String: Any] {
                let client = try await bench.legacy(version, capabilities: capabilities)
                let text = PlainMCP.request(
                    "tools/call", id: 5,
                    #"{"name":"params","arguments":{"big":9007199254740993},"task":{"ttl":1},"requestState":"forged","inputResponses":{},"_meta":{"progressToken":"p","traceparent":"00-1-2-01","io.modelcontextprotocol/clientInfo":{"name":"forged"}}}"#
                )
                let answer = try await client.send(text)
                #expect(answer.text?.contains("9007199254740993") == true, "\(answer.messages)")
                let params = try #require(answer.parsedText)
                #expect(params["task"] == nil && params["requestState"] == nil && params["inputResponses"] == nil)
                return try #require(params["_meta"] as? [String: Any])
            }
            func declared(_ meta: [String: Any]) -> NSDictionary? {
                meta["io.modelcontextprotocol/clientCapabilities"] as? NSDictionary
            }
            let full =
                #"{"roots":{"listChanged":true},"sampling":{"tools":{}},"elicitation":{},"tasks":{},"experimental":{"e":{}},"extensions":{"io.modelcontextprotocol/tasks":{},"com.example/y":{}}}"#
            let new = try await meta("2025-11-25", full)
            #expect(new["io.modelcontextprotocol/protocolVersion"] as? String == "2026-07-28")
            #expect((new["io.modelcontextprotocol/clientInfo"] as? [String: Any])?["name"] as? String == "plain")
            #expect(new["traceparent"] as? String == "00-1-2-01" && new["progressToken"] != nil)
            #expect(new["dev.sallyport/identity"] != nil && new["io.modelcontextprotocol/logLevel"] == nil)
            #expect(
                declared(new) == [
                    "roots": [:], "sampling": ["tools": [:]], "elicitation": ["form": [:]], "experimental": ["e": [:]],
                    "extensions": ["com.example/y": [:], "io.modelcontextprotocol/tasks": [:]],
                ] as NSDictionary, "\(new)")
            let june = try await meta("2025-06-18", full)
            #expect(declared(june)?["sampling"] as? NSDictionary == [:] as NSDictionary)
            #expect(declared(june)?["elicitation"] as? NSDictionary == ["form": [:]] as NSDictionary)
            let march = try await meta("2025-03-26", full)
            #expect(declared(march)?["elicitation"] == nil && declared(march)?["roots"] != nil)
        }
    }

    @Test("B1: results lose what only the new era says, and keep all else; ids come back as they were")
    func results() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            for (method, params) in [
                ("tools/list", "{}"), ("completion/complete", #"{"ref":{},"argument":{}}"#),
                ("com.example/extra", "{}"),
                ("tools/call", #"{"name":"echo","arguments":{"message":"x"}}"#),
            ] {
                let answer = try await client.ask(method, id: 77, params)
                #expect(answer.object["id"] as? Int == 77)
                let result = try #require(answer.result, "\(method): \(answer.messages)")
                for key in ["resultType", "ttlMs", "cacheScope"] { #expect(result[key] == nil, "\(method)") }
                #expect(result["_meta"] as? NSDictionary == ["kept": 1] as NSDictionary, "\(method)")
            }
            let text = #"{"jsonrpc":"2.0","id":"a\u00e9","method":"tools/list"}"#
            #expect(
                try await client.send(text).messages.first?.contains(#""id": "a\u00e9""#) == true, "also without params"
            )
            #expect(try await client.ask("ping").result?.isEmpty == true)
            for method in ["tasks/list", "server/discover", "subscriptions/listen", "initialize"] {
                #expect(try await client.ask(method).errorCode != nil, "\(method)")
            }
            #expect(
                try await client.send(#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).status == 202)
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["faults"] as? [String])?.isEmpty == true, "\(seen)")
        }
    }

    @Test("B1: the log level is kept here and told with every call; what nobody asked for is not passed on")
    func logging() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let silent = try await client.say("log")
            #expect(silent.messages.count == 1 && silent.text == "logged None")
            #expect(try await client.ask("logging/setLevel", #"{"level":"loud"}"#).errorCode == -32602)
            #expect(try await client.ask("logging/setLevel", #"{"level":"warning"}"#).result?.isEmpty == true)
            let logged = try await client.say("log")
            #expect(logged.text == "logged warning" && logged.messages.count == 2, "\(logged.messages)")
            #expect(logged.messages.first?.contains(#""warning""#) == true)
        }
    }

    @Test("c29: progress goes to the caller's token and never backwards")
    func progress() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            let answer = try await client.send(PlainMCP.call("progress", id: 1, token: #""t/1""#))
            let reports = answer.messages.dropLast().map { $0.contains(#""t/1""#) }
            #expect(reports == [true, true] && answer.text == "done", "\(answer.messages)")
        }
    }

    @Test("B1, B4: errors of this hop stay here, and numbers get those that the client's era has")
    func errors() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            for (code, expected) in [(-32020, -32603), (-32022, -32603), (-32099, -32603), (-32602, -32602), (42, 42)] {
                let answer = try await client.say("code", #"{"code":\#(code)}"#)
                #expect(answer.errorCode == expected, "\(answer.messages)")
            }
            let needs = #"{"code":-32021,"data":{"requiredCapabilities":{"sampling":{}}}}"#
            let refused = try await client.say("code", needs)
            #expect(refused.result?["isError"] as? Bool == true && refused.text?.contains("sampling") == true)
            let missing = try await client.ask("resources/read", #"{"uri":"file:///none"}"#)
            #expect(missing.errorCode == -32002)
            #expect(try await client.ask("resources/read", #"{"uri":"file:///needs"}"#).errorCode == -32603)
        }
    }

    @Test("B1: a cancelled call is cancelled at the server, and its late answer goes to nobody")
    func cancellation() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            async let hanging = client.say("hang", id: 9)
            try await eventuallyTrue("the call is with the server") {
                try await client.say("seen", id: 1).text?.contains("tools/call") == true
            }
            let text =
                #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9,"reason":"enough"}}"#
            #expect(try await client.send(text).status == 202)
            #expect(try await hanging.errorCode == 1003)
            let seen = try #require(try await client.say("seen", id: 2).parsedText)
            #expect((seen["cancelled"] as? [Int])?.count == 1 && (seen["faults"] as? [String])?.isEmpty == true)
        }
    }

    @Test("P04: nothing that a modern server writes reaches a client unasked, or ends more than its session")
    func garbage() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy()
            for line in [
                "[]", "7", #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"forged"}]}}"#,
                #"{"jsonrpc":"2.0","id":"x","result":{}}"#, #"{"jsonrpc":"2.0","id":4294967297,"result":7}"#,
                #"{"jsonrpc":"2.0","id":4,"method":"sampling/createMessage","params":{}}"#,
                #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":7}}"#,
                #"{"jsonrpc":"2.0","method":"notifications/progress","params":[]}"#,
                #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"?"}}"#,
                #"[{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}}]"#,
                #"[{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}]"#,
            ] {
                let arguments = String(
                    decoding: try JSONSerialization.data(withJSONObject: ["line": line]), as: UTF8.self)
                let answer = try await client.say("write", arguments)
                #expect(answer.text == "written" && answer.messages.count == 1, "\(line): \(answer.messages)")
            }
            // The number that the session gave to the call, which is the token of its progress, is not the server's to answer to.
            #expect(try await client.send(PlainMCP.call("forge", id: 1, token: "7")).text == "true")
            for odd in [
                #"7"#, #"{"resultType":"task"}"#, #"{"resultType":3}"#, #"{"resultType":"input_required"}"#,
                #"{"resultType":"input_required","inputRequests":[]}"#,
                #"{"resultType":"input_required","requestState":7}"#,
                #"{"resultType":"input_required","inputRequests":{"a":{"method":"tools/call"}}}"#,
                #"{"resultType":"input_required","inputRequests":{"a":7}}"#,
            ] {
                let answer = try await client.say("odd", #"{"result":\#(odd)}"#)
                #expect(
                    answer.errorCode == -32603 || answer.result?["isError"] as? Bool == true,
                    "\(odd): \(answer.messages)")
            }
            #expect(try await client.ask("prompts/list").errorCode == -32603, "c27: no questions here")
            #expect(try await client.say("echo", #"{"message":"alive"}"#).text == "alive")
            #expect(try await client.say("exit").errorCode == -32603)
            #expect(try await client.say("echo").status == 404, "the session went with the process")
        }
    }
}
