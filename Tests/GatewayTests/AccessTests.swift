import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// Who may use what, as clients of every era meet it.
@Suite("Access of clients", .timeLimit(.minutes(2)))
struct AccessTests {
    private static let server = ServerDefinition.member(
        "one",
        #""tools":["seen","echo","delete","secret"],"prompts":["greet","boss"],"resources":["file:///x","file:///y/z"]"#
    )

    /// Alice may use nearly everything where she is in `Admin`; everybody else a little, and nobody the tool `secret`.
    private static func rules(_ configuration: inout GatewayConfiguration) {
        var rules = AccessRules()
        rules.mappings = ["*": ["all"], "groups:Admin": ["admin"]]
        rules.permissions = [
            "one:*": ["admin"], "one:echo": ["all"], "one:seen": ["all"], "one:secret": [], "one:greet": ["all"],
            "one:file:///x": ["all"], "two:*": ["admin"],
        ]
        configuration.access = rules
    }

    private static func challenge(_ answer: MCPAnswer) -> String { answer.response.header("www-authenticate") ?? "" }

    private static func expectMissing(
        _ answer: MCPAnswer, _ scopes: String = "mcp admin", at path: String = "/one/mcp",
        location: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == 403, "\(answer.messages)", sourceLocation: location)
        let said = challenge(answer)
        #expect(said.contains(#"error="insufficient_scope""#), "\(said)", sourceLocation: location)
        #expect(said.contains(#"scope="\#(scopes)""#), "\(said)", sourceLocation: location)
        #expect(
            said.contains(#"resource_metadata="http://localhost:"#) && said.contains("oauth-protected-resource\(path)"),
            "\(said)", sourceLocation: location)
        #expect(answer.errorCode == 1004, sourceLocation: location)
    }

    @Test(
        "R05: lists hold what may be used, and everything else is refused: 403 where scopes would help, unknown where not"
    )
    func legacy() async throws {
        try await withBench([Self.server], change: Self.rules) { bench in
            let client = try await bench.open("/one/mcp")
            // Calls before lists.
            Self.expectMissing(try await client.say("delete", id: 1))
            #expect(try await client.say("echo", id: 2).said["tool"] as? String == "echo")
            #expect(try await client.demand("tools/list", id: 3).listed("tools") == ["seen", "echo"])
            #expect(try await client.demand("prompts/list", id: 4).listed("prompts") == ["greet"])
            #expect(try await client.demand("resources/list", id: 5).listed("resources", by: "uri") == ["file:///x"])
            let templates = try await client.demand("resources/templates/list", id: 6)
            #expect(templates.listed("resourceTemplates") == [])
            let hidden = try await client.say("secret", id: 7)
            #expect(hidden.status == 200 && hidden.errorCode == -32602 && hidden.errorMessage == "Unknown tool")
            let requests = [
                ("prompts/get", #"{"name":"boss"}"#), ("resources/read", #"{"uri":"file:///y/z"}"#),
                ("resources/read", #"{"uri":"file:///a/../y/z"}"#), ("resources/subscribe", #"{"uri":"file:///y/z"}"#),
                ("completion/complete", #"{"ref":{"type":"ref/prompt","name":"boss"},"argument":{}}"#),
                ("completion/complete", #"{"ref":{"type":"ref/resource","uri":"file:///{path}"},"argument":{}}"#),
                (
                    "completion/complete",
                    #"{"ref":{"type":"ref/prompt","name":"greet","uri":"file:///y/z"},"argument":{}}"#
                ),
                ("extension/method", #"{"name":"delete"}"#),
            ]
            for (method, params) in requests.dropLast() {
                Self.expectMissing(try await client.demand(method, params, id: 8))
            }
            #expect(
                try await client.demand("extension/method", requests[7].1, id: 9).errorCode == -32601, "it has access")
            for (method, params) in [("prompts/get", #"["boss"]"#), ("resources/read", #"{"uri":["file:///y/z"]}"#)] {
                #expect(try await client.demand(method, params, id: 10).errorCode == -32602)
            }
            #expect(try await client.demand("prompts/get", #"{"name":"greet"}"#, id: 11).result != nil)
            #expect(try await client.demand("resources/read", #"{"uri":"file:///x"}"#, id: 12).result != nil)
            let seen = try await client.say("seen", id: 13).text ?? ""
            #expect(!seen.contains("delete") && !seen.contains("subscribe"), "the server never hears of it: \(seen)")
            let calls = bench.trail.all.filter { $0.action == .toolCalled }
            for tool in ["delete", "secret"] {
                #expect(
                    calls.filter { $0.tool == tool }.map(\.outcome) == [.denied], "\(tool): by us, not by the server")
            }
            #expect(calls.first { $0.tool == "echo" }?.outcome == .success)
        }
    }

    @Test("M09, b12, R05: a session goes by the token of each request, so another token opens more, or less")
    func tokens() async throws {
        try await withBench([Self.server], change: Self.rules) { bench in
            var client = try await bench.open("/one/mcp")
            Self.expectMissing(try await client.say("delete", id: 1))
            client.token = "alice-admin"
            #expect(try await client.say("delete", id: 2).said["tool"] as? String == "delete")
            #expect(try await client.demand("tools/list", id: 3).listed("tools") == ["seen", "echo", "delete"])
            #expect(try await client.demand("resources/read", #"{"uri":"file:///y/z"}"#, id: 4).result != nil)
            #expect(try await client.say("secret", id: 5).errorMessage == "Unknown tool", "nobody may")
            client.token = "alice"
            Self.expectMissing(try await client.say("delete", id: 6))
            let list = try await client.demand("tools/list", id: 7)
            #expect(list.listed("tools") == ["seen", "echo"])
            #expect(list.response.header("cache-control")?.contains("no-store") == true, "nor is it kept on the way")
            // Headers that only the other era has decide nothing here.
            client.token = "alice"
            let text = PlainMCP.request("tools/call", id: 8, #"{"name":"delete","arguments":{}}"#)
            let plain = client
            let lying = try await onThread {
                try MCPAnswer(
                    PlainHTTP.exchange(
                        port: plain.port, "POST", plain.path,
                        plain.headers.merging(["Mcp-Method": "tools/list", "Mcp-Name": "echo"]) { $1 },
                        body: Array(text.utf8), timeout: 20))
            }
            Self.expectMissing(lying)
        }
    }

    @Test("R05: one answer names what all messages of a batch lack, and none of them runs")
    func batches() async throws {
        var two = AccessRules()
        two.mappings = ["*": ["all"]]
        two.permissions = ["one:echo": ["all"], "one:seen": ["all"], "one:delete": ["admin"], "one:secret": ["root"]]
        try await withBench([Self.server], change: { $0.access = two }) { bench in
            let client = try await bench.open("/one/mcp", version: "2025-03-26")
            let calls = ["echo", "delete", "secret", "missing"].enumerated().map {
                PlainMCP.request("tools/call", id: $0.offset + 1, #"{"name":"\#($0.element)","arguments":{}}"#)
            }
            Self.expectMissing(try await client.send("[" + calls.joined(separator: ",") + "]"), "mcp admin root")
            let called = bench.trail.all.filter { $0.action == .toolCalled }
            #expect(called.map(\.tool) == ["echo", "delete", "secret", "missing"])
            #expect(called.allSatisfy { $0.outcome == .denied && $0.requestID == called[0].requestID })
            let rest = try await client.send("[\(calls[0]),\(calls[3])]")
            #expect(rest.status == 200)
            #expect(
                rest.messages.contains { $0.contains("Unknown tool") && $0.contains(#""id":4"#) }, "\(rest.messages)")
        }
    }

    @Test("M09, e3, R05: modern clients see and call the same, whatever their headers say")
    func modern() async throws {
        try await withBench([Self.server], change: Self.rules) { bench in
            var client = PlainModernMCP(port: bench.port, path: "/one/mcp", token: "alice")
            Self.expectMissing(try await client.say("delete"))
            #expect(try await client.ask("tools/list").listed("tools") == ["seen", "echo"])
            #expect(try await client.ask("prompts/list").listed("prompts") == ["greet"])
            #expect(try await client.ask("resources/list").listed("resources", by: "uri") == ["file:///x"])
            #expect(try await client.say("echo").said["tool"] as? String == "echo")
            let hidden = try await client.say("secret")
            #expect(hidden.status == 400 && hidden.errorCode == -32602)
            let mismatch = try await client.say("delete", changing: ["Mcp-Name": "echo"])
            #expect(mismatch.status == 400 && mismatch.errorCode == -32020)
            Self.expectMissing(try await client.ask("resources/read", #""uri":"file:///y/z""#, name: "file:///y/z"))
            Self.expectMissing(try await client.ask("prompts/get", #""name":"boss""#, name: "boss"))
            Self.expectMissing(
                try await client.ask(
                    "subscriptions/listen", #""notifications":{"resourceSubscriptions":["file:///x","file:///y/z"]}"#))
            client.token = "alice-admin"
            #expect(try await client.say("delete").said["tool"] as? String == "delete")
            let list = try await client.ask("tools/list")
            #expect(list.listed("tools") == ["seen", "echo", "delete"], "one process, another token")
            #expect(list.result?["cacheScope"] as? String == "private")
            #expect(list.response.header("cache-control")?.contains("no-store") == true)
        }
    }

    @Test("R05: the answer to a question needs what the call needed, by the token that brings it")
    func retries() async throws {
        try await withBench([Self.server], change: Self.rules) { bench in
            var client = PlainModernMCP(port: bench.port, path: "/one/mcp", token: "alice-admin")
            client.capabilities = Bench.everything
            let asked = try await client.say("elicit")
            let key = try #require(asked.key(of: "elicitation/create"))
            let retry = asked.retry([key: #"{"action":"accept","content":{}}"#])
            client.token = "alice"
            Self.expectMissing(try await client.say("elicit", id: "2", "{}", retry))
            client.token = "alice-admin"
            #expect(try await client.say("elicit", id: "3", "{}", retry).text?.contains("accept") == true)
        }
    }

    @Test("R05: on the event channel of 2024-11-05 the POST is refused")
    func channel() async throws {
        var server = Self.server
        server.path = "/demo/mcp"
        try await withBench([server], change: Self.rules) { bench in
            let channel = try await EventChannelTests.Channel.open(bench)
            _ = try await channel.initialize()
            let refused = try await channel.post(PlainMCP.call("delete", id: 1))
            Self.expectMissing(refused, at: "/demo/sse")
            let list = try await channel.ask(PlainMCP.request("tools/list", id: 2), id: 2)
            let tools = (list["result"] as? [String: Any])?["tools"] as? [[String: Any]]
            #expect(tools?.compactMap { $0["name"] as? String } == ["seen", "echo"])
        }
    }

    @Test("R05: in the aggregate, too, by the names of each server; a server with nothing for somebody is not started")
    func aggregate() async throws {
        try await withAggregate([Self.server, .member("two")], change: Self.rules) { bench in
            var client = try await bench.open("/mcp")
            // Calls before lists.
            Self.expectMissing(try await client.say("one__delete", id: 1), at: "/mcp")
            #expect(try await client.demand("tools/list", id: 2).listed("tools") == ["one__seen", "one__echo"])
            #expect(try await client.demand("prompts/list", id: 3).listed("prompts") == ["one__greet"])
            let resources = try await client.demand("resources/list", id: 4).listed("resources", by: "uri")
            #expect(resources.count == 1 && resources[0].hasSuffix("file:///x"))
            #expect(bench.gateway.processCount == 1)
            for name in ["one__secret", "two__echo"] {
                #expect(try await client.say(name, id: 5).errorMessage == "Unknown tool", "\(name)")
            }
            Self.expectMissing(
                try await client.demand("prompts/get", #"{"name":"one__boss"}"#, id: 6), at: "/mcp")
            let other = resources[0].replacingOccurrences(of: "file:///x", with: "file:///y/z")
            Self.expectMissing(
                try await client.demand("resources/read", #"{"uri":"\#(other)"}"#, id: 7), at: "/mcp")
            Self.expectMissing(
                try await client.demand("resources/subscribe", #"{"uri":"\#(other)"}"#, id: 8), at: "/mcp")
            Self.expectMissing(
                try await client.demand(
                    "completion/complete", #"{"ref":{"type":"ref/prompt","name":"one__boss"},"argument":{}}"#, id: 9),
                at: "/mcp")
            #expect(try await client.seen(by: "one").contains("subscribe") == false)
            client.token = "alice-admin"
            let admin = client
            try await eventuallyTrue("the other server is there") {
                try await admin.demand("tools/list", id: 10).listed("tools")
                    == ["one__seen", "one__echo", "one__delete", "two__echo"]
            }
            #expect(try await client.say("one__delete", id: 11).said["tool"] as? String == "delete")
            client.token = "alice"
            #expect(try await client.demand("tools/list", id: 12).listed("tools") == ["one__seen", "one__echo"])
            Self.expectMissing(try await client.say("one__delete", id: 13), at: "/mcp")
            #expect(try await client.say("two__echo", id: 14).errorMessage == "Unknown tool")
        }
    }

    @Test("R05: modern clients of the aggregate are told the same")
    func modernAggregate() async throws {
        try await withAggregate([Self.server, .member("two")], change: Self.rules) { bench in
            let client = PlainModernMCP(port: bench.port, path: "/mcp", token: "alice")
            Self.expectMissing(try await client.say("one__delete"), at: "/mcp")
            #expect(try await client.ask("tools/list").listed("tools") == ["one__seen", "one__echo"])
        }
    }

    @Test("R05: for whom a server has nothing it is not started, in any era")
    func nothing() async throws {
        var rules = AccessRules()
        rules.permissions = ["one:*": ["admin"]]
        try await withAggregate([Self.server], change: { $0.access = rules }) { bench in
            for path in ["/one/mcp", "/mcp"] {
                let legacy = PlainMCP(port: bench.port, path: path, token: "bob")
                let parameters =
                    #"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}"#
                Self.expectMissing(try await legacy.demand("initialize", parameters), at: path)
                let modern = PlainModernMCP(port: bench.port, path: path, token: "bob")
                Self.expectMissing(try await modern.ask("tools/list"), at: path)
            }
            let stream = try await PlainMCP(port: bench.port, path: "/one/sse", token: "bob").listen()
            #expect(stream.head.status == 403)
            #expect(bench.gateway.processCount == 0)
        }
    }
}
