import Foundation
import HTTP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What happens between several servers and their client: changes, questions, cancellation.
@Suite("Aggregation: fan-in and fan-out", .timeLimit(.minutes(2)))
struct AggregateFanTests {
    @Test("C10: many changes are one, and only a list that is another one is told")
    func changes() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["add","log"]"#), .member("two", #""tools":["add","seen","update"]"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("tools/list").listed("tools").count == 5)
            let listening = try await client.listen()
            _ = try await client.say("one__add", #"{"tools":["new"],"times":5}"#)
            _ = try await client.say("two__add", #"{"tools":["other"],"times":5}"#)
            let event = try #require(try await listening.next())
            #expect(event.object["method"] as? String == "notifications/tools/list_changed")
            #expect(
                try await client.demand("tools/list").listed("tools")
                    == ["one__add", "one__log", "one__new", "two__add", "two__seen", "two__update", "two__other"])
            #expect(try await client.say("two__other").said["tool"] as? String == "other")
            // Said to have changed, and has not: the server is asked, the client hears nothing.
            let before = try await client.seen(by: "two").components(separatedBy: #""list": "tools""#).count
            _ = try await client.say("two__add", #"{"tools":[],"times":3}"#)
            try await eventuallyTrue("the list is asked for again") {
                try await client.seen(by: "two").components(separatedBy: #""list": "tools""#).count == before + 1
            }
            _ = try await client.say("two__update", #"{"uris":["file:///marker"]}"#)
            let next = try #require(try await listening.next())
            #expect(next.object["method"] as? String == "notifications/resources/updated", "\(next)")
            _ = try await client.say("one__add", #"{"tools":["last"]}"#)
            let last = try #require(try await listening.next())
            #expect(last.object["method"] as? String == "notifications/tools/list_changed")
            #expect(try await client.demand("tools/list").listed("tools").contains("one__last"))
        }
    }

    @Test("C11: a level goes to all that log, roots/list_changed to all, a cancellation to the owner alone")
    func fanOut() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["seen","hang"]"#), .member("two", #""tools":["seen","hang"]"#),
            .member("mute", #""tools":["seen"],"capabilities":{"tools":{}}"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            #expect(try await client.demand("logging/setLevel", #"{"level":"error"}"#).result?.isEmpty == true)
            #expect(try await client.demand("logging/setLevel", #"{"level":"loud"}"#).errorCode == -32602)
            _ = try await client.send(#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#)
            // What waits for a list goes to nobody.
            #expect(try await client.demand("tools/list").listed("tools").count == 5)
            async let hanging = client.send(PlainMCP.call("two__hang", id: 41))
            try await eventuallyTrue("the call is cancelled") {
                let text =
                    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":41,"reason":"r"}}"#
                _ = try await client.send(text)
                return try await client.seen(by: "two").contains("notifications/cancelled")
            }
            #expect(try await hanging.errorCode == 1003)
            let (one, two, mute) = (
                try await client.seen(by: "one"), try await client.seen(by: "two"), try await client.seen(by: "mute")
            )
            #expect(!one.contains("notifications/cancelled") && !mute.contains("notifications/cancelled"))
            for text in [one, two] {
                #expect(text.contains(#"{"method": "logging/setLevel", "params": {"level": "error"}}"#))
            }
            #expect(!mute.contains("setLevel") && !one.contains("loud"))
            for text in [one, two, mute] {
                #expect(text.contains("notifications/roots/list_changed") && text.contains("notifications/initialized"))
                #expect(!text.contains(#""tasks""#) && text.contains(#""elicitation": {}"#))
            }
        }
    }

    @Test("C12, C16: what is logged and asked names its server, and the answer goes there alone")
    func attribution() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["elicit","sample","log","strange"]"#),
            .member("two", #""tools":["elicit","seen"]"#),
        ]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            let logged = try await client.say("one__log")
            #expect(logged.messages.count == 3)
            #expect(logged.messages[0].contains(#""logger":"one""#), "\(logged.messages)")
            #expect(logged.messages[1].contains(#""logger": "one/db""#))

            let first = try await client.streamed(PlainMCP.call("one__elicit", id: 1))
            let second = try await client.streamed(PlainMCP.call("two__elicit", id: 2))
            let asked = [try #require(try await first.next()), try #require(try await second.next())]
            let messages = asked.map { ($0.object["params"] as? [String: Any])?["message"] as? String }
            let ids = asked.compactMap { $0.object["id"] as? Int }
            // Both servers gave the same id.
            #expect(Set(ids).count == 2)
            for (position, id) in ids.enumerated() {
                let server = try #require(messages[position])
                #expect(["[one] Who?", "[two] Who?"].contains(server))
                let answer = try await client.send(
                    #"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept","content":{"for":"\#(server)"}}}"#)
                #expect(answer.status == 202)
                // M06: once.
                #expect(try await client.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#).status == 400)
            }
            let ends = [try await first.rest(), try await second.rest()].flatMap { $0 }.compactMap(\.data)
            #expect(ends.count == 2)
            for (position, server) in ["one", "two"].enumerated() {
                let end = try #require(ends.first { $0.contains(#""id": \#(position + 1)"#) })
                #expect(end.contains("[\(server)] Who?"), "\(end)")
            }
            // What only another server's client could have.
            #expect(try await client.say("one__strange").text?.contains("-32601") == true)
        }
    }

    @Test("c21, c27: modern clients are asked by name and answer by retry; a disconnect cancels at the owner")
    func modern() async throws {
        let servers: [ServerDefinition] = [
            .member("one", #""tools":["seen","hang"]"#), .member("two", #""tools":["elicit"]"#),
            .member("nosy", #""nosy":0.01"#),
        ]
        try await withAggregate(servers) { bench in
            var client = PlainModernMCP(port: bench.port, path: "/mcp", token: "alice")
            client.capabilities = Bench.everything
            let asked = try await client.say("two__elicit")
            let requests = try #require(asked.result?["inputRequests"] as? [String: Any], "\(asked.messages)")
            let state = try #require(asked.result?["requestState"] as? String)
            let (key, request) = try #require(requests.first.map { ($0.key, $0.value as? [String: Any]) })
            #expect((request?["params"] as? [String: Any])?["message"] as? String == "[two] Who?")
            // C16: what another server asks all the time is no question of this call.
            #expect(requests.count == 1)
            let retry = #""inputResponses":{"\#(key)":{"action":"decline"}},"requestState":"\#(state)""#
            let answer = try await client.say("two__elicit", id: "2", "{}", retry)
            #expect(answer.said["action"] as? String == "decline", "\(answer.messages)")
            // M08: not another user's.
            var stranger = client
            stranger.token = "bob"
            #expect(try await stranger.say("two__elicit", id: "3", "{}", retry).errorCode == -32602)

            client.capabilities = "{}"
            let plain = client
            let hanging = try await plain.sent("one__hang")
            // The call is on its way before it is given up: this one comes after it.
            _ = try await client.say("one__seen")
            hanging.http.connection.reset()
            try await eventuallyTrue("the call is cancelled") {
                try await plain.say("one__seen").text?.contains("notifications/cancelled") == true
            }
        }
    }

    @Test(
        "C5: an entry that is too long costs itself alone; those that are long together are on pages",
        arguments: [#""x" * (5 << 20)"#, #"[1] * 600000"#, #""x" * (3 << 20)"#, #"[1] * 300000"#])
    func long(value: String) async throws {
        let isTooLong = value.contains("5 <<") || value.contains("600000")
        let script = #"""
            import json, sys
            for line in sys.stdin:
                message = json.loads(line)
                if "id" not in message: continue
                method, params = message["method"], message.get("params", {})
                if method == "initialize": result = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}, "logging": {}}, "serverInfo": {"name": "long", "version": "1"}}
                elif method == "tools/list": result = {"tools": [{"name": "short", "inputSchema": {}}, {"name": "long", "inputSchema": {"x": VALUE}}]}
                else: result = {"content": [{"type": "text", "text": params["name"]}]}
                print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}, separators=(",", ":")), flush=True)
            """#.replacingOccurrences(of: "VALUE", with: value)
        let servers = ["one", "two"].map { ServerDefinition.python($0, script) } + [.member("three")]
        try await withAggregate(servers) { bench in
            let client = try await bench.open("/mcp")
            var (names, pages, cursor): ([String], Int, String?) = ([], 0, nil)
            repeat {
                let answer = try await client.demand("tools/list", cursor.map { #"{"cursor":"\#($0)"}"# } ?? "{}")
                try #require(answer.result != nil, "\(answer.status) \(answer.errorMessage ?? "")")
                names += answer.listed("tools")
                cursor = answer.result?["nextCursor"] as? String
                pages += 1
            } while cursor != nil && pages < 10
            let short = ["one__short", "two__short", "three__echo"]
            let all = ["one__short", "one__long", "two__short", "two__long", "three__echo"]
            #expect(names == (isTooLong ? short : all))
            #expect(pages == (isTooLong ? 1 : 2))
            #expect(try await client.say("two__short").text == "short")
            let other = try await client.say("two__long")
            #expect(isTooLong ? other.errorCode == -32602 : other.text == "long")
        }
    }
}

/// A request whose answer nobody reads.
// SAFETY: handed from one awaited thread to the next, never to two at once.
final class SentRequest: @unchecked Sendable {
    let http: PlainHTTP
    init(_ http: PlainHTTP) { self.http = http }
}

extension PlainModernMCP {
    /// Calls a tool and does not wait for the answer.
    func sent(_ tool: String) async throws -> SentRequest {
        try await onThread {
            let http = try PlainHTTP(port: port, timeout: 20)
            let text = request("tools/call", id: "9", #""name":"\#(tool)","arguments":{}"#)
            try http.send("POST", path, fields("tools/call", name: tool), body: Array(text.utf8))
            return SentRequest(http)
        }
    }
}

extension Stream {
    /// The methods of the notifications that come until `last`.
    func methods(until last: (PlainEvent) -> Bool) async throws -> [String] {
        var methods: [String] = []
        while let event = try await next() {
            if let method = event.object["method"] as? String { methods.append(method) }
            if last(event) { break }
        }
        return methods
    }
}
