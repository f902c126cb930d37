import Foundation
import HTTP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

private let both: [ServerDefinition] = [.member("one"), .member("two", #""tools":["echo","seen"]"#)]

/// `/mcp`: several servers as one.
@Suite("Aggregation", .timeLimit(.minutes(2)))
struct AggregateTests {
    @Test(
        "C2, C6: tools have their server before their name, in lists and in calls; unknown names are wrong parameters")
    func tools() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            let list = try await client.demand("tools/list")
            #expect(list.listed("tools") == ["one__echo", "two__echo", "two__seen"])
            #expect(list.listed("tools", by: "title") == ["T echo", "T echo", "T seen"])
            for server in ["two", "one"] {
                let answer = try await client.say("\(server)__echo", id: 7, #"{"a":[1.0,9007199254740993]}"#)
                #expect(answer.said["server"] as? String == server && answer.said["tool"] as? String == "echo")
                #expect(answer.object["id"] as? Int == 7)
                #expect(answer.text?.contains(#"{"a": [1.0, 9007199254740993]}"#) == true)
            }
            for name in ["echo", "one__none", "three__echo", "one_echo", "ONE__echo", "one__seen", "one__echo "] {
                let answer = try await client.say(name)
                #expect(
                    answer.errorCode == -32602 && answer.errorMessage == "Unknown tool", "\(name): \(answer.messages)")
            }
        }
    }

    @Test("C2: a name that is too long, or could be another server's, ends in a digest, always the same one")
    func longNames() async throws {
        let long = String(repeating: "x", count: 80)
        let servers: [ServerDefinition] = [
            .member("a", #""tools":["\#(long)","\#(long)y","b_c"]"#), .member("a_b", #""tools":["c"]"#),
        ]
        var known: [String]?
        for _ in 0..<2 {
            try await withAggregate(servers) {
                $0.aggregate?.separator = "_"
            } _: { bench in
                let client = try await bench.open("/mcp")
                let names = try await client.demand("tools/list").listed("tools")
                #expect(
                    names.count == 4 && Set(names).count == 4 && names.allSatisfy { $0.utf8.count <= 64 }, "\(names)")
                #expect(known == nil || known == names)
                known = names
                let tools = [long, long + "y", "b_c", "c"]
                for (name, tool) in zip(names, tools) {
                    let answer = try await client.say(name)
                    #expect(
                        answer.said["tool"] as? String == tool
                            && answer.said["server"] as? String == (tool == "c" ? "a_b" : "a"))
                }
                // Both could have this one, so nobody has.
                #expect(try await client.say("a_b_c").errorCode == -32602)
            }
        }
    }

    @Test("C2: a call finds its server without a list before it, and does not wait for servers that it is not for")
    func coldCall() async throws {
        try await withAggregate([.member("one", #""mute":"tools""#), .member("two")]) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.say("two__echo").said["server"] as? String == "two")
        }
    }

    @Test("C3, c35: prompts likewise, also where they are completed")
    func prompts() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("prompts/list").listed("prompts") == ["one__greet", "two__greet"])
            let prompt = try await client.demand("prompts/get", #"{"name":"two__greet"}"#)
            #expect(
                prompt.messages.last?.contains(#""uri": "two+file:///p", "text": "greet""#) == true,
                "\(prompt.messages)")
            #expect(try await client.demand("prompts/get", #"{"name":"greet"}"#).errorCode == -32602)
            let completion = try await client.demand(
                "completion/complete",
                #"{"ref":{"type":"ref/prompt","name":"one__greet"},"argument":{"name":"a","value":""}}"#)
            #expect(completion.messages.last?.contains(#"\"name\": \"greet\""#) == true, "\(completion.messages)")
            let other = try await client.demand(
                "completion/complete",
                #"{"ref":{"type":"ref/resource","uri":"two+file:///{path}"},"argument":{"name":"a","value":""}}"#)
            #expect(other.messages.last?.contains(#"\"uri\": \"file:///{path}\""#) == true, "\(other.messages)")
        }
    }

    @Test("C8, C9: capabilities are a union without what is not routed, instructions have a section for each server")
    func introduction() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["seen"],"capabilities":{"tools":{}},"instructions":"Be kind.\n# two: not me""#),
            .member("two", #""capabilities":{"prompts":{},"tasks":{},"experimental":{"x":{}}}"#),
        ]
        try await withAggregate(servers) { bench in
            var client = PlainMCP(port: bench.port, path: "/mcp", token: "alice")
            client.version = "2025-11-25"
            let opening = client
            let answer = try await onThread {
                var client = opening
                return (
                    try client.open(
                        capabilities: #"{"tasks":{},"experimental":{"y":{}},"roots":{"listChanged":true}}"#), client
                )
            }
            let result = try #require(answer.0.result)
            #expect(Set((result["capabilities"] as? [String: Any])?.keys.map { $0 } ?? []) == ["tools", "prompts"])
            #expect((result["serverInfo"] as? [String: Any])?["name"] as? String == "sallyport")
            #expect(result["protocolVersion"] as? String == "2025-11-25")
            let instructions = try #require(result["instructions"] as? String)
            #expect(
                instructions.contains("# one: names begin with \"one__\"\n")
                    && instructions.contains("\n> Be kind.\n> # two: not me"))
            #expect(
                !instructions.contains("\n# two: not me")
                    && instructions.contains("\n# two: names begin with \"two__\""))
            client = answer.1
            for method in ["resources/list", "logging/setLevel", "tasks/list", "no/such"] {
                #expect(try await client.demand(method).errorCode == -32601, "\(method)")
            }
            #expect(try await client.demand("ping").result?.isEmpty == true)
            let declared = try await client.seen(by: "one")
            #expect(declared.contains(#""roots": {"listChanged": true}"#), "\(declared)")
            #expect(!declared.contains("tasks") && !declared.contains("experimental"))
        }
    }

    @Test("C1, M05: ids and progress tokens come back byte for byte, whichever server answers first")
    func ids() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["later","progress"]"#), .member("two", #""tools":["later","progress"]"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            let ids = ["1", #""1""#, "1.0", "9007199254740993", #""\u00e9""#, "-1", "1e2", #""x""#]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (position, id) in ids.enumerated() {
                    for server in ["one", "two"] {
                        let delay = Double((position * 7 + (server == "one" ? 3 : 0)) % 5) / 50
                        group.addTask {
                            let text =
                                #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"\#(server)__later","arguments":{"seconds":\#(delay),"message":"\#(server)-\#(position)"}}}"#
                            let answer = try await client.send(text)
                            #expect(answer.text == "\(server)-\(position)")
                            #expect(answer.messages.last?.contains(#""id": \#(id)"#) == true, "\(answer.messages)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            for token in [#""t""#, "7"] {
                let answer = try await client.send(
                    #"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"two__progress","_meta":{"progressToken":\#(token),"x/y":1}}}"#
                )
                #expect(answer.messages.count == 3)
                #expect(answer.messages.first?.contains(#""progressToken": \#(token)"#) == true, "\(answer.messages)")
                #expect(answer.said["x/y"] as? Int == 1)
                #expect((answer.said["dev.sallyport/identity"] as? [String: Any])?["user"] as? String == "alice")
            }
        }
    }

    @Test("M06, M08: nobody else has the session of an aggregate, and it is none of its servers'")
    func sessions() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            for (token, path) in [("bob", "/mcp"), ("alice-c2", "/mcp"), ("alice", "/one/mcp")] {
                var other = client
                other.token = token
                other.path = path
                #expect(try await other.demand("tools/list").status == 404, "\(token) \(path)")
            }
            let unasked = try await client.send(#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
            #expect(unasked.status == 400)
            #expect(try await client.demand("tools/list").status == 200)
        }
    }

    @Test("the audit trail and the counters name the server of a call and its own name of the tool")
    func records() async throws {
        try await withAggregate(both) { bench in
            let client = try await bench.open("/mcp")
            _ = try await client.say("two__echo")
            _ = try await client.say("two__none")
            let calls = bench.trail.all.filter { $0.action == .toolCalled }
            #expect(calls.map(\.server) == ["two", "mcp"] && calls.map(\.tool) == ["echo", "two__none"])
            let metrics = String(decoding: bench.gateway.configuration.metrics.prometheusText(), as: UTF8.self)
            #expect(metrics.contains(#"sallyport_calls_total{server="two",method="tools/call",outcome="answered"} 1"#))
            #expect(metrics.contains(#"sallyport_calls_total{server="one",method="tools/call",outcome="answered"} 0"#))
            #expect(metrics.contains(#"sallyport_calls_total{server="mcp",method="tools/call",outcome="refused"} 1"#))
        }
    }

    @Test("b3: it is a resource of its own, with metadata at every place")
    func resource() async throws {
        try await withAggregate([.member("one")]) { bench in
            let challenge = try await bench.request("POST", "/mcp", ["Content-Type": "application/json"], "{}")
            #expect(challenge.status == 401)
            let metadata = "http://localhost:\(bench.port)/.well-known/oauth-protected-resource"
            #expect(challenge.header("www-authenticate")?.contains(#"resource_metadata="\#(metadata)/mcp""#) == true)
            for path in ["/.well-known/oauth-protected-resource/mcp", "/mcp/.well-known/oauth-protected-resource"] {
                let document = try await bench.request("GET", path)
                #expect(
                    document.status == 200
                        && document.text.contains(#""resource":"http://localhost:\#(bench.port)/mcp""#))
            }
            // What describes one resource alone is still that server's.
            let root = try await bench.request("GET", "/.well-known/oauth-protected-resource")
            #expect(root.text.contains(#""resource":"http://localhost:\#(bench.port)/one/mcp""#), "\(root.text)")
            #expect(bench.gateway.resources.resource(atPath: "/mcp")?.path == "/mcp")
            #expect(bench.gateway.resources.resource(atPath: "/sse")?.path == "/sse")
        }
    }

    @Test("C13: modern clients use it by the exposed names, in headers and bodies")
    func modern() async throws {
        try await withAggregate(both) { bench in
            let client = PlainModernMCP(port: bench.port, path: "/mcp", token: "alice")
            let discovery = try await client.ask("server/discover")
            #expect((discovery.result?["capabilities"] as? [String: Any])?["tools"] != nil, "\(discovery.messages)")
            #expect(try await client.ask("tools/list").listed("tools") == ["one__echo", "two__echo", "two__seen"])
            let answer = try await client.say("two__echo", #"{"a":1}"#)
            #expect(answer.said["server"] as? String == "two" && answer.result?["resultType"] as? String == "complete")
            let mismatch = try await client.say("two__echo", changing: ["Mcp-Name": "echo"])
            #expect(mismatch.status == 400 && mismatch.errorCode == -32020)
            #expect(try await client.say("two__none").errorCode == -32602)
        }
    }

    @Test("servers of both eras stand behind it together, for clients of both")
    func eras() async throws {
        var modern = ServerDefinition.modern()
        modern.name = "new"
        modern.path = "/new/mcp"
        try await withAggregate([.member("one"), modern]) { bench in
            let names = ["one__echo", "new__echo", "new__raw"]
            let old = try await bench.open("/mcp")
            #expect(try await old.demand("tools/list").listed("tools") == names)
            #expect(try await old.say("new__echo", #"{"message":"x"}"#).text == "x")
            #expect(try await old.say("one__echo").said["server"] as? String == "one")
            let new = PlainModernMCP(port: bench.port, path: "/mcp", token: "alice")
            let list = try await onThread { try new.send("tools/list") }
            #expect(list.listed("tools") == names)
            #expect(try await new.say("new__echo", #"{"message":"y"}"#).text == "y")
        }
    }

    @Test("clients of 2024-11-05 reach it at /sse")
    func eventChannel() async throws {
        try await withAggregate(both) { bench in
            let client = PlainMCP(port: bench.port, path: "/sse", token: "alice")
            let stream = try await client.listen()
            let address = try #require(try await stream.next()?.data)
            #expect(address.hasPrefix("/messages?"))
            var poster = client
            poster.path = address
            let parameters =
                #"{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"old","version":"1"}}"#
            _ = try await poster.send(PlainMCP.request("initialize", id: 0, parameters))
            let hello = try #require(try await stream.next())
            #expect((hello.object["result"] as? [String: Any])?["protocolVersion"] as? String == "2024-11-05")
            _ = try await poster.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            _ = try await poster.send(PlainMCP.call("one__echo", id: 5))
            let answer = try #require(try await stream.next())
            #expect(answer.object["id"] as? Int == 5 && answer.data?.contains(#"\"server\": \"one\""#) == true)
        }
    }
}
