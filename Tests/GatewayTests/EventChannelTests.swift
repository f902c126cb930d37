import Foundation
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Gateway

/// Clients of 2024-11-05: one stream, and posts beside it.
@Suite("HTTP+SSE of 2024-11-05", .timeLimit(.minutes(2)))
struct EventChannelTests {
    /// An open channel: where to post, and what comes.
    struct Channel {
        let client: PlainMCP
        let stream: Stream
        let address: String

        static func open(_ bench: Bench, _ token: String = "alice") async throws -> Channel {
            let client = PlainMCP(port: bench.port, path: "/demo/sse", token: token)
            let stream = try await client.listen()
            try #require(stream.head.status == 200)
            let first = try #require(try await stream.next())
            #expect(first.event == "endpoint" && first.id == nil)
            return Channel(client: client, stream: stream, address: try #require(first.data))
        }

        func post(_ text: String, _ token: String? = nil, _ changes: [String: String] = [:]) async throws -> MCPAnswer {
            var poster = client
            poster.path = address
            if let token { poster.token = token }
            return try await poster.send(text, ["Accept": "*/*"].merging(changes) { $1 })
        }

        /// Posts a request and waits for its answer on the stream; what comes before it is given to `meanwhile`.
        func ask(_ text: String, id: Int, _ meanwhile: (PlainEvent) async throws -> Void = { _ in }) async throws
            -> [String: Any]
        {
            let posted = try await post(text)
            #expect(posted.status == 202 && posted.response.body.isEmpty, "\(posted.messages)")
            while let event = try await stream.next() {
                #expect(event.event == "message" && event.id == nil)
                if event.object["id"] as? Int == id, event.object["method"] == nil { return event.object }
                try await meanwhile(event)
            }
            throw DeadlineExceeded(what: "the stream ended before the answer \(id)")
        }

        func initialize(_ version: String = "2024-11-05") async throws -> [String: Any] {
            let parameters =
                #"{"protocolVersion":"\#(version)","capabilities":{"sampling":{},"elicitation":{}},"clientInfo":{"name":"old","version":"1"}}"#
            let answer = try await ask(PlainMCP.request("initialize", id: 0, parameters), id: 0)
            _ = try await post(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            return answer
        }

        func text(_ answer: [String: Any]) -> String? {
            (((answer["result"] as? [String: Any])?["content"] as? [[String: Any]])?.first)?["text"] as? String
        }
    }

    @Test("c50: initialize cannot be cancelled")
    func initializeIsAnswered() async throws {
        try await withBench([.python("demo", Script.server, ["slow"])]) { bench in
            let channel = try await Channel.open(bench)
            let hello = #"{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"old","version":"1"}}"#
            #expect(try await channel.post(PlainMCP.request("initialize", id: 0, hello)).status == 202)
            let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}"#
            _ = try await channel.post(cancel)
            let answer = try #require(try await channel.stream.next()).object
            #expect(answer["id"] as? Int == 0 && answer["result"] != nil, "\(answer)")
            #expect(
                channel.text(try await channel.ask(PlainMCP.call("answers", id: 1), id: 1)) == "[]", "nor is it told")
        }
    }

    @Test("c-SSE: the first event says where to post; answers, progress and questions come on the stream")
    func calls() async throws {
        try await withBench { bench in
            let channel = try await Channel.open(bench)
            #expect(channel.address.hasPrefix("/demo/messages?session_id="))
            #expect(
                try await channel.post(PlainMCP.request("tools/list", id: 5)).status == 400, "initialize comes first")
            #expect(try await channel.initialize()["result"] != nil)
            let again = try await channel.post(PlainMCP.request("initialize", id: 6))
            #expect(again.status == 400)
            let echo = try await channel.ask(PlainMCP.call("echo", id: 1, #"{"message":"hi"}"#), id: 1)
            #expect(channel.text(echo) == "hi")
            var tokens: [Any?] = []
            _ = try await channel.ask(PlainMCP.call("progress", id: 2, token: "\"t\""), id: 2) { event in
                tokens.append((event.object["params"] as? [String: Any])?["progressToken"])
            }
            #expect(tokens.compactMap { $0 as? String } == ["t", "t", "t"])
            let asked = try await channel.ask(PlainMCP.call("elicit", id: 3), id: 3) { event in
                let id = try #require(event.object["id"] as? Int)
                let answer = try await channel.post(
                    #"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept","content":{"n":1}}}"#)
                #expect(answer.status == 202)
            }
            #expect(channel.text(asked)?.contains("accept") == true)
            #expect(try await channel.post(#"{"jsonrpc":"2.0","id":999,"result":{}}"#).status == 400)
            for odd in ["[]", "{"] { #expect(try await channel.post(odd).status == 400) }
        }
    }

    @Test("M01, M02: the id of a channel opens nothing for anybody else, nor at the other endpoint")
    func isolation() async throws {
        try await withBench { bench in
            let channel = try await Channel.open(bench)
            _ = try await channel.initialize()
            let ping = PlainMCP.request("ping", id: 1)
            for token in ["bob", "alice-c2"] { #expect(try await channel.post(ping, token).status == 404) }
            #expect(try await channel.post(ping, "nobody").status == 401)
            let id = try #require(channel.address.split(separator: "=").last.map(String.init))
            var other = PlainMCP(port: bench.port, path: "/demo/mcp", token: "alice")
            other.session = id
            #expect(try await other.send(ping).status == 404)
            var odd = channel.client
            for path in ["/demo/messages", "/demo/messages?session_id=x", channel.address + "&session_id=x"] {
                odd.path = path
                #expect([400, 404].contains(try await odd.send(ping).status), "\(path)")
            }
            let evil = try await channel.post(ping, nil, ["Origin": "https://evil.example"])
            #expect(evil.status == 403)
            #expect(
                try await channel.post(ping, "alice-again").status == 202, "a refreshed token is the same principal")
        }
    }

    @Test("c-SSE: the end of the stream is the end of the session, and the process goes with it")
    func ends() async throws {
        try await withBench { bench in
            let channel = try await Channel.open(bench)
            _ = try await channel.initialize()
            #expect(bench.gateway.processCount == 1)
            channel.stream.cut()
            try await eventuallyTrue("the process is gone") { bench.gateway.processCount == 0 }
            #expect(try await channel.post(PlainMCP.request("ping", id: 1)).status == 404)
            // And the other way round.
            let second = try await Channel.open(bench)
            _ = try await second.initialize()
            _ = try await second.post(PlainMCP.call("exit", id: 1))
            #expect(try await second.stream.rest().contains { $0.data?.contains("exited with code 3") == true })
        }
    }

    @Test("P05: a channel over which nobody speaks keeps no process")
    func silence() async throws {
        var server = ServerDefinition.python("demo", Script.server)
        server.startTimeout = .seconds(1)
        try await withBench([server]) { bench in
            let channel = try await Channel.open(bench)
            #expect(bench.gateway.processCount == 1)
            #expect(try await channel.stream.rest().isEmpty)
            try await eventuallyTrue("the process is gone") { bench.gateway.processCount == 0 }
        }
    }

    @Test("T08: a revoked grant ends the channel; without a newer token it ends with its own")
    func tokens() async throws {
        try await withBench { bench in
            let channel = try await Channel.open(bench)
            _ = try await channel.initialize()
            await bench.gateway.revoke(GrantID("g1"))
            #expect(try await channel.stream.rest().isEmpty)
            let short = try await Channel.open(bench, "short")
            #expect(try await short.stream.rest().isEmpty)
            try await eventuallyTrue("the processes are gone") { bench.gateway.processCount == 0 }
        }
    }

    @Test("b1, b2, b3: the channel is a resource of its own")
    func metadata() async throws {
        try await withBench { bench in
            let challenge = try await bench.request("GET", "/demo/sse", ["Accept": "text/event-stream"])
            #expect(challenge.status == 401)
            let place = "/.well-known/oauth-protected-resource/demo/sse"
            #expect(challenge.header("www-authenticate")?.contains(place) == true)
            let document = try await bench.request("GET", place)
            #expect(document.object["resource"] as? String == "http://localhost:\(bench.port)/demo/sse")
            let root = try await bench.request("GET", "/.well-known/oauth-protected-resource")
            #expect(root.object["resource"] as? String == "http://localhost:\(bench.port)/demo/mcp")
            for (method, path) in [("POST", "/demo/sse"), ("GET", "/demo/messages"), ("DELETE", "/demo/sse")] {
                #expect(try await bench.request(method, path).status == 405, "\(method) \(path)")
            }
        }
    }
}
