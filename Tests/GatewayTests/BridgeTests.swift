import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

extension Bench {
    static let everything = #"{"sampling":{},"elicitation":{"form":{},"url":{}},"roots":{}}"#

    func modern(_ token: String? = "alice", capabilities: String = "{}") -> PlainModernMCP {
        PlainModernMCP(port: port, path: "/demo/mcp", token: token, capabilities: capabilities)
    }
}

extension PlainModernMCP {
    func ask(
        _ method: String, id: String = "1", _ members: String = "", name: String? = nil,
        changing changes: [String: String] = [:]
    ) async throws -> MCPAnswer {
        try await onThread { try self.send(method, id: id, members, name: name, changing: changes) }
    }

    func say(
        _ tool: String, id: String = "1", _ arguments: String = "{}", _ members: String = "", meta extra: String = "",
        changing changes: [String: String] = [:]
    ) async throws -> MCPAnswer {
        try await onThread { try self.call(tool, id: id, arguments, members, meta: extra, changing: changes) }
    }

    func listen(_ notifications: String, id: String) async throws -> Stream {
        try await onThread {
            try Stream(self.stream("subscriptions/listen", id: id, #""notifications":\#(notifications)"#))
        }
    }
}

private let servers = [ServerDefinition.python("demo", Script.legacy)]

/// Clients of 2026-07-28 in front of a server of the legacy era.
@Suite("Modern client, legacy server", .timeLimit(.minutes(2)))
struct BridgeTests {
    @Test("c19, c14, c10, c11, c15, c17: the ladder, each rung with its status and its code")
    func ladder() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            let good = client.request("tools/list")
            let fields = client.fields("tools/list")
            func check(
                _ what: String, _ text: String, _ changes: [String: String], _ status: Int, _ code: Int?
            ) async throws {
                let answer = try await onThread { try client.post(text, fields.merging(changes) { $1 }) }
                #expect(answer.status == status && answer.errorCode == code, "\(what): \(answer.messages)")
            }
            try await check("good", good, [:], 200, nil)
            try await check("origin", good, ["Origin": "https://evil.example"], 403, nil)
            try await check("token", good, ["Authorization": ""], 401, nil)
            try await check("accept", good, ["Accept": "application/json"], 406, -32600)
            try await check("type", good, ["Content-Type": "text/plain"], 415, -32600)
            try await check("parse", good + "}", [:], 400, -32700)
            try await check("batch", "[\(good)]", [:], 400, -32600)
            let bare = #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#
            try await check("no _meta", bare, [:], 400, -32602)
            try await check("no params", #"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, [:], 400, -32602)
            let version = "io.modelcontextprotocol/protocolVersion"
            try await check(
                "no capabilities", bare.replacing("{}", with: #"{"_meta":{"\#(version)":"2026-07-28"}}"#), [:], 400,
                -32602)
            try await check("no header", good, ["MCP-Protocol-Version": ""], 400, -32020)
            try await check("other header", good, ["MCP-Protocol-Version": "2025-11-25"], 400, -32020)
            try await check("no method", good, ["Mcp-Method": ""], 400, -32020)
            try await check("other method", good, ["Mcp-Method": "tools/call"], 400, -32020)
            try await check("case of the method", good, ["Mcp-Method": "Tools/List"], 400, -32020)
            let future = good.replacing("2026-07-28", with: "2099-01-01")
            try await check("future", future, ["MCP-Protocol-Version": "2099-01-01"], 400, -32022)
            for method in [
                "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "no/such",
                "completion/complete",
            ] {
                try await check(method, client.request(method), ["Mcp-Method": method], 404, -32601)
            }
            let refused = try await onThread {
                try client.post(future, fields.merging(["MCP-Protocol-Version": "2099-01-01"]) { $1 })
            }
            let data = (refused.object["error"] as? [String: Any])?["data"] as? [String: Any]
            #expect(data?["supported"] as? [String] == ["2026-07-28"] && data?["requested"] as? String == "2099-01-01")
            #expect(refused.object["id"] as? Int == 1)
            let notified = try await onThread {
                try client.post(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#, fields)
            }
            #expect(notified.status == 202 && notified.response.body.isEmpty)
        }
    }

    @Test("M07, c11: a mirrored header that is there twice is refused")
    func repeatedHeader() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            for name in ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"] {
                var fields = client.fields("tools/call", name: "echo")
                // One line that stands for two.
                fields[name] = "\(fields[name] ?? "")\r\n\(name): \(fields[name] ?? "")"
                let text = client.request("tools/call", #""name":"echo","arguments":{}"#)
                let answer = try await onThread { [fields] in try client.post(text, fields) }
                #expect(answer.status == 400 && answer.errorCode == -32020, "\(name): \(answer.messages)")
            }
        }
    }

    @Test("M07, c10, c12: Mcp-Name is the name in the body, in Base64 where it needs to be")
    func names() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            let tool = #""name":"echo","arguments":{"message":"x"}"#
            #expect(try await client.ask("tools/call", tool, name: "echo").text == "x")
            #expect(try await client.ask("tools/call", tool, name: "=?base64?ZWNobw==?=").text == "x")
            for wrong in [nil, "Echo", "echo2", "=?base64?ZWNobw?=", "=?base64?!?=", "=?BASE64?ZWNobw==?="] {
                let answer = try await client.ask("tools/call", tool, name: wrong)
                #expect(answer.status == 400 && answer.errorCode == -32020, "\(wrong ?? "none")")
            }
            let missing = try await client.ask(
                "resources/read", #""uri":"file:///ä""#, name: "=?base64?ZmlsZTovLy/DpA==?=")
            #expect(missing.status == 400 && missing.errorCode == -32602, "c30: not found is a wrong parameter")
        }
    }

    @Test("c13: arguments that a tool mirrors must be mirrored, and only those")
    func parameters() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            func code(_ arguments: String, _ fields: [String: String]) async throws -> Int? {
                let answer = try await client.say("params", arguments, changing: fields)
                #expect(answer.status == (answer.errorCode == nil ? 200 : 400))
                return answer.errorCode
            }
            let mirrored = try await code(#"{"region":"eu"}"#, ["Mcp-Param-Region": "eu"])
            #expect(mirrored == nil)
            #expect(try await code(#"{"region":"eu"}"#, ["mcp-param-region": "=?base64?ZXU=?="]) == nil)
            #expect(try await code(#"{"count":42}"#, ["Mcp-Param-Count": "42.0"]) == nil)
            #expect(try await code("{}", ["Mcp-Param-Other": "x"]) == nil)
            #expect(try await code(#"{"region":null}"#, [:]) == nil)
            #expect(try await code(#"{"region":"eu"}"#, [:]) == -32020)
            #expect(try await code(#"{"region":"eu"}"#, ["Mcp-Param-Region": "us"]) == -32020)
            #expect(try await code(#"{"region":null}"#, ["Mcp-Param-Region": "eu"]) == -32020)
            #expect(try await code("{}", ["Mcp-Param-Region": "eu"]) == -32020)
            #expect(try await code(#"{"count":42}"#, ["Mcp-Param-Count": "43"]) == -32020)
        }
    }

    @Test("M07, c13: nothing is called as long as it is not known what must be mirrored")
    func unknownParameters() async throws {
        let script = Script.legacy.replacing(
            #"elif method == "tools/list": result("#,
            with: #"elif method == "tools/list" and len(counter) == 1: error(message, -32603, counter.append(1))"#
                + "\n    " + #"elif method == "tools/list": result("#)
        try await withBench([.python("demo", script)]) { bench in
            let client = bench.modern()
            let arguments = (#"{"region":"eu"}"#, ["Mcp-Param-Region": "us"])
            let first = try await client.say("params", arguments.0, changing: arguments.1)
            #expect(first.errorCode == -32603 && first.text == nil, "\(first.messages)")
            #expect(try await client.say("params", arguments.0, changing: arguments.1).errorCode == -32020)
            let right = try await client.say("params", arguments.0, changing: ["Mcp-Param-Region": "eu"])
            #expect(right.text != nil)
        }
        let none = Script.legacy.replacing(
            #"elif method == "tools/list": result("#, with: #"elif method == "none": result("#)
        try await withBench([.python("demo", none)]) { bench in
            let answer = try await bench.modern().say("echo", #"{"message":"x"}"#)
            #expect(answer.text == "x", "a server without lists")
        }
    }

    @Test("c20, c23, c24, c25, c31: results are complete, name their server and may not be kept; there is no session")
    func results() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            let discovered = try await client.ask("server/discover", id: #""d""#)
            let result = try #require(discovered.result)
            #expect(result["supportedVersions"] as? [String] == ["2026-07-28"])
            #expect(result["instructions"] as? String == "Be kind.")
            let capabilities = result["capabilities"] as? [String: Any]
            #expect(Set(capabilities.map { Array($0.keys) } ?? []) == ["tools", "resources", "prompts", "logging"])
            #expect(discovered.object["id"] as? String == "d")
            for (method, hasHints) in [
                ("server/discover", true), ("tools/list", true), ("prompts/list", true), ("resources/list", true),
            ] {
                let answer = try await client.ask(method)
                #expect(answer.result?["resultType"] as? String == "complete", "\(method)")
                #expect((answer.result?["ttlMs"] as? Int == 0) == hasHints)
                #expect((answer.result?["cacheScope"] as? String == "private") == hasHints)
                let info = (answer.result?["_meta"] as? [String: Any])?["io.modelcontextprotocol/serverInfo"]
                #expect((info as? [String: Any])?["name"] as? String == "legacy")
                #expect(answer.response.header("mcp-session-id") == nil)
            }
            #expect(try await client.ask("prompts/list").result?["nextCursor"] as? String == "", "c31: it is one")
            let called = try await client.say("echo", #"{"message":"x"}"#)
            #expect(called.result?["resultType"] as? String == "complete" && called.result?["ttlMs"] == nil)
            for method in ["GET", "DELETE"] {
                let answer = try await bench.request(
                    method, "/demo/mcp",
                    [
                        "Authorization": "Bearer alice", "MCP-Protocol-Version": "2026-07-28",
                        "Accept": "text/event-stream",
                    ])
                #expect(answer.status == 405)
            }
        }
    }

    @Test(
        "B1, c33: the envelope stays here, everything else arrives; annotations that clients would refuse are taken out"
    )
    func envelope() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let meta = #","progressToken":"p","traceparent":"00-1-2-01","dev.sallyport/identity":"forged""#
            let answer = try await client.say("params", #"{"n":1.0,"big":9007199254740993}"#, meta: meta)
            let text = try #require(answer.text)
            #expect(!text.contains("io.modelcontextprotocol/") && !text.contains("forged"), "\(text)")
            #expect(text.contains("traceparent") && text.contains("9007199254740993"))
            #expect(text.contains("dev.sallyport/identity"))
            let told = try #require(try await client.say("client").text)
            #expect(told.contains(#""sampling""#) && told.contains(#""url""#) && told.contains(#""name": "plain""#))
            #expect(try await bench.modern().say("client").text?.contains("sampling") == false, "another session")
            let list = try await client.ask("tools/list")
            let text2 = list.messages.joined()
            #expect(text2.contains(#""x-mcp-header": "Region""#) && !text2.contains(#""x-mcp-header": "A""#))
        }
    }

    @Test("c5: ids are given back as they came, and the answers to those who asked")
    func ids() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            for id in ["1", #""1""#, "9007199254740993", "1.0", #""\u00e9""#] {
                let answer = try await client.say("echo", id: id, #"{"message":"x"}"#)
                #expect(answer.messages.first?.contains("\"id\": \(id),") == true, "\(id): \(answer.messages)")
            }
            try await withThrowingTaskGroup { group in
                for number in 0..<40 {
                    group.addTask {
                        let answer = try await client.say("echo", id: "7", #"{"message":"m\#(number)"}"#)
                        #expect(answer.text == "m\(number)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("c21: a client that goes away cancels its call at the server")
    func disconnect() async throws {
        try await withBench(servers, change: { $0.limits.commitDelay = .milliseconds(50) }) { bench in
            let client = bench.modern()
            // Its keep-alives begin after a while; the head of the stream says that the call is on its way.
            let stream = try await onThread {
                try Stream(client.stream("tools/call", #""name":"hang","arguments":{}"#, name: "hang"))
            }
            #expect(stream.head.isEventStream)
            stream.cut()
            try await eventuallyTrue("the server is told") {
                try await client.say("seen").text?.contains("notifications/cancelled") == true
            }
            #expect(bench.gateway.processCount == 1, "in the same process")
        }
    }

    @Test("c28, c29: logs go to the call that asked for them, progress to the token that it chose, and rises")
    func notifications() async throws {
        try await withBench(servers) { bench in
            var client = bench.modern()
            #expect(try await client.say("log").messages.count == 1)
            client.logLevel = "warning"
            let logged = try await client.say("log")
            #expect(logged.messages.count == 2 && logged.messages.first?.contains("warning") == true)
            #expect(logged.response.text.contains("id: ") == false, "c20: events have no ids")
            #expect(try await client.say("seen").text?.contains(#""level": "warning""#) == true)
            client.logLevel = "loud"
            #expect(try await client.say("log").errorCode == -32602)
            client.logLevel = nil
            let progress = try await client.say("progress", meta: #","progressToken":"t/1""#)
            let tokens = progress.messages.dropLast().map { $0.contains(#""t/1""#) }
            #expect(tokens == [true, true] && progress.text == "done")
            let uneven = try await client.say(
                "progress", #"{"steps":[1,1,0.5,"2",2.5,2.5]}"#, meta: #","progressToken":"u""#)
            let steps = uneven.messages.dropLast().map { $0.contains(#""progress": 2.5"#) }
            #expect(steps == [false, true], "it only rises: \(uneven.messages)")
        }
    }

    @Test("c30, c18: numbers of the legacy era become those that mean the same")
    func codes() async throws {
        try await withBench(servers) { bench in
            let client = bench.modern()
            for (code, expected, status) in [
                (-32002, -32602, 400), (-32001, -32603, 200), (-32019, -32603, 200), (-32020, -32603, 200),
                (-32601, -32601, 404), (-32603, -32603, 200), (-32602, -32602, 400), (42, 42, 200), (-1, -1, 200),
            ] {
                let answer = try await client.say("code", #"{"code":\#(code)}"#)
                #expect(answer.errorCode == expected && answer.status == status, "\(code): \(answer.messages)")
                #expect(answer.errorMessage == "as told")
            }
        }
    }
}
