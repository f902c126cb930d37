import Foundation
import JSON
import MCP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Which tools of a server are for its clients (R05).
@Suite("The tools that clients see", .timeLimit(.minutes(2)))
struct ToolFilterTests {
    private static func server(_ script: String, _ filter: ToolFilter) -> ServerDefinition {
        var server = ServerDefinition.python("demo", script)
        server.tools = filter
        return server
    }

    private static func names(_ answer: MCPAnswer) -> [String] {
        ((answer.result?["tools"] as? [[String: Any]]) ?? []).compactMap { $0["name"] as? String }
    }

    @Test(
        "patterns are compared byte by byte, stars with anything",
        arguments: [
            ("echo", "echo", true), ("echo", "Echo", false), ("echo", "echos", false), ("*", "", true),
            ("get_*", "get_", true), ("get_*", "get_all", true), ("get_*", "forget_all", false),
            ("*_secret", "a_secret_secret", true), ("a*b*c", "aXbXbXc", true), ("a*b*c", "aXcXb", false),
            ("?", "a", true), ("?", "", false), ("a?c", "abc", true), ("**", "x", true), ("[a]", "a", false),
            ("*a*a*a*a*a*a*a*a*a*b", String(repeating: "a", count: 5000), false),
            ("caf\u{E9}", "cafe\u{301}", false),
        ])
    func patterns(pattern: String, name: String, fits: Bool) {
        #expect(NamePattern(pattern).matches(Array(name.utf8)) == fits)
    }

    @Test("what is denied, renamed away or hidden by another's new name is nobody's to call")
    func names() {
        func own(_ filter: ToolFilter, _ name: String) -> String? {
            filter.ownName(of: Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        func exposed(_ filter: ToolFilter, _ name: String) -> String? {
            filter.exposedName(of: Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        let filter = ToolFilter(
            allow: ["a", "b*"], deny: ["bad", "big"], rename: ["a": "x", "b1": "b2", "big": "small", "c": "d"])
        #expect(own(filter, "x") == "a" && exposed(filter, "a") == "x" && own(filter, "a") == nil)
        #expect(own(filter, "b2") == "b1" && exposed(filter, "b1") == "b2")
        #expect(exposed(filter, "b2") == nil, "another one has its name")
        #expect(own(filter, "b1") == nil, "it has another name")
        for hidden in ["bad", "big", "small", "c", "d", "A", "other", ""] { #expect(own(filter, hidden) == nil) }
        for hidden in ["bad", "big", "c", "other"] { #expect(exposed(filter, hidden) == nil) }
        #expect(own(filter, "b3") == "b3" && exposed(filter, "b3") == "b3")
        #expect(ToolFilter().isTransparent && own(ToolFilter(), "anything") == "anything")
        #expect(own(ToolFilter(allow: []), "anything") == nil)
        #expect(own(ToolFilter(rename: ["a": "z", "b": "z"]), "z") == "a", "one of two, always the same")
    }

    @Test("R05: a filtered tool is absent from the list and refused in the call, and the server never hears of it")
    func legacy() async throws {
        let filter = ToolFilter(deny: ["exit", "broken"], rename: ["echo": "say"])
        try await withBench([Self.server(Script.legacy, filter)]) { bench in
            let client = try await bench.open()
            let list = try await client.send(PlainMCP.request("tools/list", id: 1))
            #expect(Self.names(list) == ["say", "params", "job", "client"])
            let tools = try #require(list.result?["tools"] as? [[String: Any]])
            #expect((tools[0]["inputSchema"] as? [String: Any])?["properties"] != nil, "the rest is as it was")
            let pid = try await client.say("pid", id: 2).text
            for (id, tool) in [(3, "exit"), (4, "echo"), (5, #"ex\u0069t"#)] {
                let answer = try await client.say(tool, id: id)
                #expect(answer.errorCode == -32602 && answer.errorMessage == "Unknown tool", "\(tool)")
                #expect(answer.object["id"] as? Int == id)
            }
            #expect(try await client.say("nonsense", id: 6).errorMessage == "Unknown tool", "as the server says it")
            #expect(try await client.say("say", id: 8, #"{"message":"hi"}"#).text == "hi")
            #expect(try await client.say("pid", id: 9).text == pid, "the process is the same")
            let calls = bench.trail.all.filter { $0.action == .toolCalled }
            #expect(calls.first { $0.tool == "exit" }?.outcome == .denied)
            #expect(calls.first { $0.tool == "nonsense" }?.outcome == .failed, "that was the server")
            #expect(calls.contains { $0.tool == "say" && $0.outcome == .success })
        }
    }

    @Test("R05: a name that is no text is not left to a server that might make one of it")
    func odd() throws {
        func call(_ params: String) throws -> JSONRPCMessage {
            try JSONRPCMessage(JSONDocument(parsing: Array(PlainMCP.request("tools/call", id: 7, params).utf8)).root)
        }
        let filter = ToolFilter(deny: ["exit"])
        for name in [#"["exit"]"#, #"{"name":"exit"}"#, "7", "null", "true"] {
            #expect(filter.admitted(try call(#"{"name":\#(name)}"#)) == nil, "\(name)")
        }
        #expect(filter.admitted(try call(#"{"name":"x"}"#)) != nil)
        #expect(filter.admitted(try call("{}")) != nil, "no tool at all")
        #expect(filter.admitted(try call(#"["exit"]"#)) == nil, "a name by its position")
    }

    @Test("R05, R07: a key that a server may take for another is refused, and so is a call without an id")
    func lookalikes() async throws {
        try await withBench([Self.server(Script.server, ToolFilter(deny: ["exit"]))]) { bench in
            let client = try await bench.open(version: "2025-03-26")
            let params = #""params":{"name":"echo","arguments":{}}"#
            let bodies = [
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"exit","arguments":{}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call",\#(params)}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call",\#(params),"PARAMS":{"name":"exit"}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call",\#(params),"param\u017f":{"name":"exit"}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_Meta":{"dev.sallyport/identity":1}}}"#,
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"Dev.Sallyport/identity":1}}}"#,
            ]
            for body in bodies {
                #expect(try await client.send(body).status == 400, "\(body)")
                #expect(try await client.send("[\(body)]").status == 400, "a batch: \(body)")
            }
            let pid = try await client.say("pid", id: 2).text
            let call = #"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"exit","arguments":{}}}"#
            #expect(try await client.send(call).status == 202)
            #expect(try await client.say("pid", id: 3).text == pid, "nobody ran it")
            let fine =
                #"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"echo","arguments":{"Name":"x","message":"y"}}}"#
            #expect(try await client.send(fine).text == "y", "what tools call their arguments is their affair")
        }
    }

    @Test("R05: a batch carries no filtered call past")
    func batch() async throws {
        let filter = ToolFilter(allow: ["pid"])
        try await withBench([Self.server(Script.server, filter)]) { bench in
            let client = try await bench.open(version: "2025-03-26")
            let calls = ["pid", "exit", "pid"].enumerated().map {
                PlainMCP.request("tools/call", id: $0.offset + 1, #"{"name":"\#($0.element)","arguments":{}}"#)
            }
            let answer = try await client.send("[\(calls.joined(separator: ","))]")
            let refused = answer.messages.filter { $0.contains("-32602") }
            #expect(refused.count == 1 && answer.messages.count == 3, "\(answer.messages)")
        }
    }

    @Test("R05, c13: the same in the modern era, and what a renamed tool mirrors is checked by its new name")
    func modern() async throws {
        let filter = ToolFilter(deny: ["exit"], rename: ["params": "shape"])
        try await withBench([Self.server(Script.legacy, filter)]) { bench in
            let client = bench.modern()
            #expect(Self.names(try await client.ask("tools/list")) == ["echo", "shape", "broken", "job", "client"])
            for hidden in ["exit", "params"] {
                let answer = try await client.say(hidden)
                #expect(answer.status == 400 && answer.errorCode == -32602 && answer.errorMessage == "Unknown tool")
            }
            let arguments = #"{"region":"eu"}"#
            #expect(try await client.say("shape", arguments, changing: ["Mcp-Param-Region": "us"]).errorCode == -32020)
            let done = try await client.say("shape", arguments, changing: ["Mcp-Param-Region": "eu"])
            #expect(done.text?.contains(#""name": "params""#) == true, "\(done.messages)")
        }
    }

    @Test("R05: what is hidden stays so when a call is made before anything was listed")
    func unlisted() async throws {
        let filter = ToolFilter(rename: ["params": "shape"])
        try await withBench([Self.server(Script.legacy, filter)]) { bench in
            let done = try await bench.modern().say("shape", #"{"region":"eu"}"#)
            #expect(done.errorCode == -32020, "the header is missing, which the gateway learnt by itself")
        }
    }
}
