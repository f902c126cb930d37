import Foundation
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite("Streamable HTTP", .timeLimit(.minutes(2)))
struct TransportTests {
    @Test(
        "c2, c5, M05: a call is answered with one JSON body and the exact id",
        arguments: [
            "1", #""1""#, "9007199254740993", "1.0", #""ü\u0031""#,
        ])
    func call(id: String) async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let answer = try await client.send(
                #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi"}}}"#
            )
            #expect(answer.status == 200 && !answer.response.isEventStream)
            #expect(answer.response.text.contains(#""id": \#(id),"#), "\(answer.response.text)")
            #expect(answer.text == "hi")
        }
    }

    @Test("c4: notifications and responses get 202 without content; pretty-printed JSON is fine")
    func notification() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let note = try await client.send(
                "{\n  \"jsonrpc\": \"2.0\",\n  \"method\": \"notifications/initialized\"\n}")
            #expect(note.status == 202 && note.response.body.isEmpty)
            let pretty = try await client.send("{\n \"jsonrpc\":\"2.0\",\n \"id\":5,\n \"method\":\"ping\"}")
            #expect(pretty.status == 200 && pretty.object["id"] as? Int == 5)
        }
    }

    @Test("c3, c7: 406, 415, 413, -32700 and -32600 before anything reaches a server")
    func refusals() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let ping = PlainMCP.request("ping", id: 1)
            #expect(try await client.send(ping, ["Accept": "application/json"]).status == 406)
            #expect(try await client.send(ping, ["Accept": ""]).status == 406)
            #expect(try await client.send(ping, ["Accept": "*/*"]).status == 200)
            #expect(try await client.send(ping, ["Accept": "Text/Event-Stream;q=1 , application/*"]).status == 200)
            #expect(try await client.send(ping, ["Content-Type": "text/plain"]).status == 415)
            #expect(try await client.send(ping, ["Content-Type": "application/json; charset=utf-8"]).status == 200)
            let broken = try await client.send("{\"jsonrpc\"")
            #expect(broken.status == 400 && broken.errorCode == -32700 && broken.object["id"] == nil)
            let duplicate = try await client.send(#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#)
            #expect(duplicate.status == 400 && duplicate.errorCode == -32700)
            let null = try await client.send(#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#)
            #expect(null.status == 400 && null.errorCode == -32600)
            let long = try await client.send(
                PlainMCP.call("echo", id: 1, #"{"message":"\#(String(repeating: "x", count: 5 << 20))"}"#))
            #expect(long.status == 413)
        }
    }

    @Test("c51: no session id is 400, an unknown one 404, DELETE ends the session")
    func sessions() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            var without = client
            without.session = nil
            #expect(try await without.send(PlainMCP.request("ping", id: 1)).status == 400)
            var unknown = client
            unknown.session = String(repeating: "A", count: 43)
            #expect(try await unknown.send(PlainMCP.request("ping", id: 1)).status == 404)
            let chosen = try await onThread { [unknown] in
                try unknown.post(
                    PlainMCP.request("initialize", id: 1, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#))
            }
            #expect(chosen.status == 404, "M02: a client does not choose its session id")
            let again = try await client.send(PlainMCP.request("initialize", id: 1))
            #expect(again.status == 400)
            #expect(try await bench.request("HEAD", "/demo/mcp", client.headers).status == 405)
            // Gemini CLI asks this way where to log in.
            let stranger = try await bench.request("HEAD", "/demo/mcp", [:])
            let challenge = stranger.header("www-authenticate") ?? ""
            #expect(stranger.status == 401 && challenge.contains("resource_metadata=\""))
            #expect(try await bench.request("DELETE", "/demo/mcp", client.headers).status == 204)
            #expect(try await client.send(PlainMCP.request("ping", id: 1)).status == 404)
            try await eventuallyTrue("the child is gone") { bench.gateway.processCount == 0 }
        }
    }

    @Test("c50: the version is the server's answer; a refused initialize begins no session")
    func versions() async throws {
        let servers: [ServerDefinition] = [
            .python("demo", Script.server), .python("refusing", Script.server, ["refuse"]),
        ]
        try await withBench(servers) { bench in
            for version in ["2025-03-26", "2025-06-18", "2025-11-25", "1999-01-01"] {
                let port = bench.port
                let answer = try await onThread {
                    var client = PlainMCP(port: port, path: "/demo/mcp", token: "alice")
                    client.version = version
                    return try client.open()
                }
                let served = answer.result?["protocolVersion"] as? String
                #expect(served == (version == "1999-01-01" ? "2025-11-25" : version))
            }
            let port = bench.port
            let refused = try await onThread {
                var client = PlainMCP(port: port, path: "/refusing/mcp", token: "alice")
                return try client.open()
            }
            #expect(refused.errorCode == -32602 && refused.response.header("mcp-session-id") == nil)
        }
    }

    @Test("c52: a version that the session cannot have is 400")
    func versionHeader() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            for version in ["2026-07-28", "1999-01-01"] {
                // A header alone claims the era of which every request says so itself.
                let answer = try await client.send(PlainMCP.request("ping", id: 3), ["MCP-Protocol-Version": version])
                #expect(answer.status == 400 && answer.errorCode == -32602)
            }
            let stream = try await bench.request(
                "GET", "/demo/mcp", client.headers.merging(["MCP-Protocol-Version": "1999-01-01"]) { $1 })
            #expect(stream.status == 400)
            let without = try await client.send(PlainMCP.request("ping", id: 3), ["MCP-Protocol-Version": ""])
            #expect(without.status == 200)
        }
    }

    @Test("c50, c56: batches for 2025-03-26 only, and none with initialize")
    func batches() async throws {
        try await withBench { bench in
            let batch =
                "[" + PlainMCP.call("echo", id: 1, #"{"message":"a"}"#) + ","
                + PlainMCP.call("progress", id: 2, token: "7") + #",{"jsonrpc":"2.0","method":"notifications/x"}]"#
            let new = try await bench.open()
            #expect(try await new.send(batch).status == 400)
            let old = try await bench.open(version: "2025-03-26")
            let answer = try await old.send(batch)
            #expect(answer.status == 200)
            let ids = answer.messages.compactMap { message -> Int? in
                let object = try? JSONSerialization.jsonObject(with: Data(message.utf8)) as? [String: Any]
                return object?["result"] == nil ? nil : object?["id"] as? Int
            }
            #expect(Set(ids) == [1, 2], "\(answer.messages)")
            #expect(try await old.send(#"[{"jsonrpc":"2.0","method":"notifications/x"}]"#).status == 202)
            #expect(try await old.send("[]").status == 400)
            for client in [old, PlainMCP(port: bench.port, path: "/demo/mcp", token: "alice")] {
                let refused = try await client.send("[" + PlainMCP.request("initialize", id: 1) + "]")
                #expect(refused.status == 400 && refused.response.header("mcp-session-id") == nil)
            }
        }
    }

    @Test("c6, c53: progress goes to its own POST's stream, with the caller's token")
    func progress() async throws {
        try await withBench { bench in
            let client = try await bench.open(version: "2025-11-25")
            let listening = try await client.listen()
            #expect(listening.head.status == 200)
            async let quiet = client.say("sleep", id: 8, #"{"seconds":0.3}"#)
            let stream = try await client.streamed(PlainMCP.call("progress", id: 7, token: #""tök""#))
            #expect(stream.head.isEventStream && stream.head.header("x-accel-buffering") == "no")
            let events = try await stream.rest()
            #expect(events.first?.data?.isEmpty == true, "a priming event for 2025-11-25")
            let data = events.compactMap(\.data).filter { !$0.isEmpty }
            #expect(
                data.count == 4 && data.dropLast().allSatisfy { $0.contains(#""progressToken": "tök""#) }, "\(data)")
            #expect(data.last?.contains(#""id": 7"#) == true)
            #expect(try await quiet.response.isEventStream == false)
        }
    }

    @Test("c53: log messages and list changes are on one stream only")
    func notifications() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let log = try await client.say("log", id: 1)
            #expect(log.messages.count == 2 && log.messages[0].contains("notifications/message"))
            let listening = try await client.listen()
            let changed = try await client.say("changed", id: 2)
            #expect(changed.messages.count == 1, "it went to the GET stream")
            #expect(try await listening.next()?.data?.contains("list_changed") == true)
        }
    }

    @Test("c53: questions come on the sole POST stream; the answer reaches the server with its own id")
    func questions() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let stream = try await client.streamed(PlainMCP.call("sample", id: 21))
            let question = try #require(try await stream.next())
            #expect(question.object["method"] as? String == "sampling/createMessage")
            let id = try #require(question.object["id"] as? Int)
            let answer = try await client.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"role":"assistant"}}"#)
            #expect(answer.status == 202)
            let end = try await stream.rest()
            #expect(end.last?.data?.contains("assistant") == true && end.last?.object["id"] as? Int == 21)
            let twice = try await client.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#)
            #expect(twice.status == 400, "M06: answered once")
        }
    }

    @Test("c53, B4: a question without a stream waits for a GET; without one it is refused at its deadline")
    func heldQuestions() async throws {
        try await withBench([.python("demo", Script.server, timeout: .seconds(2))]) { bench in
            let client = try await bench.open()
            #expect(try await client.say("late-ask", id: 1).text == "soon")
            let listening = try await client.listen()
            let question = try #require(try await listening.next())
            #expect(question.object["method"] as? String == "elicitation/create")
            let refusing = try await bench.open()
            #expect(try await refusing.say("late-ask", id: 1).text == "soon")
            try await eventuallyTrue("the server is told", within: .seconds(5), every: .milliseconds(100)) {
                try await refusing.say("answers", id: 2).text?.contains("cancel") == true
            }
        }
    }

    @Test("c55: cancelled goes to the server with its id; the late answer finds nobody")
    func cancellation() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            async let waiting = client.say("sleep", id: 31, #"{"seconds":2.5}"#)
            try await eventuallyTrue("cancelled", every: .milliseconds(50)) {
                _ = try await client.send(
                    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":31,"reason":"r"}}"#)
                return try await client.say("answers", id: 32).text?.contains("requestId") == true
            }
            let answer = try await waiting
            #expect(answer.errorCode == 1003 && answer.object["id"] as? Int == 31)
            // Until after the late answer.
            #expect(try await client.say("sleep", id: 33, #"{"seconds":2.6}"#).text == "slept")
            #expect(try await client.say("echo", id: 31, #"{"message":"next"}"#).text == "next")
        }
    }

    @Test("c6, c19: an answer that takes long becomes a stream with keep-alives")
    func keepAlive() async throws {
        try await withBench(change: {
            $0.limits.commitDelay = .milliseconds(200)
            $0.limits.keepAlive = .milliseconds(200)
        }) { bench in
            let client = try await bench.open()
            let answer = try await client.say("sleep", id: 1, #"{"seconds":1}"#)
            #expect(answer.response.isEventStream && answer.text == "slept")
            #expect(answer.response.text.components(separatedBy: ": keep-alive").count >= 3)
        }
    }

    @Test("the server learns who calls, on tools/call only, and a client's own claim is removed")
    func identity() async throws {
        try await withBench { bench in
            let client = try await bench.open()
            let answer = try await client.send(
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"meta","_meta":{"dev.sallyport/identity":{"user":"root"}}}}"#
            )
            let text = answer.text ?? ""
            #expect(text.contains(#""user": "alice""#) && text.contains("alice@example.com") && text.contains("c1"))
            #expect(!text.contains("root"))
            let environment = try await client.say("environment", id: 2)
            #expect(environment.text?.contains("SECRET") == false, "P02")
            #expect(bench.trail.all.contains { $0.tool == "meta" && $0.user == "alice" && $0.server == "demo" })
        }
    }
}
