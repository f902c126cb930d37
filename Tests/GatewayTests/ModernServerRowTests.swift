import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// What is left of the table of messages in mcp.md B1 for legacy clients and modern servers.
@Suite("Legacy client, modern server: row by row", .timeLimit(.minutes(2)))
struct ModernServerRowTests {
    @Test(
        "B1, c54: the answer to a call whose stream broke is there for whoever comes back, modern as its server may be")
    func resumption() async throws {
        try await withBench([.modern()], change: { $0.limits.commitDelay = .milliseconds(50) }) { bench in
            let client = try await bench.legacy()
            let stream = try await client.streamed(PlainMCP.call("patience", id: 5))
            let first = try #require(try await stream.next()?.id)
            stream.cut()
            let rest = try await client.listen(lastEvent: first).rest()
            #expect(rest.last?.data?.contains("at last n3") == true, "\(rest)")
            let seen = try #require(try await client.say("seen").parsedText)
            #expect((seen["cancelled"] as? [Int])?.isEmpty == true, "c55: nobody cancelled anything")
        }
    }

    @Test("B1, c56: the messages of a batch are requests of their own, and their answers one stream")
    func batch() async throws {
        try await withBench([.modern()]) { bench in
            let client = try await bench.legacy("2025-03-26", capabilities: "{}")
            let calls = ["a", "b"].enumerated().map { number, text in
                PlainMCP.call("echo", id: number + 1, #"{"message":"\#(text)"}"#)
            }
            let answer = try await client.send("[\(calls.joined(separator: ","))]")
            let all = answer.messages.joined()
            #expect(all.contains(#""text": "a""#) && all.contains(#""text": "b""#), "\(answer.messages)")
            #expect(!all.contains("resultType"))
        }
    }

    @Test("B1: the end of a session ends what it has under way at a server elsewhere, without a word")
    func end() async throws {
        try await withRemote(["modern"]) { bench, remote in
            let client = try await RemoteTests.open(bench)
            let stream = try await client.streamed(PlainMCP.call("stream-hang", id: 9, token: "1"))
            _ = try await stream.next()
            let ended = try await bench.request("DELETE", "/remote/mcp", client.headers)
            #expect(ended.status == 200 || ended.status == 204)
            try await eventuallyTrue("the stream there to be closed") { remote.noticedEnd(of: "stream-hang") }
            #expect(!remote.seen.contains { $0.verb == "DELETE" || $0.body.contains("notifications/cancelled") })
        }
    }

    @Test("B1, B2: a client of 2024-11-05 is asked on its channel, for what its revision knows")
    func channel() async throws {
        try await withBench([.modern()]) { bench in
            var poster = PlainMCP(port: bench.port, path: "/demo/sse", token: "alice")
            let stream = try await poster.listen()
            poster.path = try #require(try await stream.next()?.data)
            let hello =
                #"{"protocolVersion":"2024-11-05","capabilities":\#(Bench.everything),"clientInfo":{"name":"o","version":"1"}}"#
            #expect(try await poster.send(PlainMCP.request("initialize", id: 0, hello)).status == 202)
            #expect(try await stream.next()?.data?.contains(#""protocolVersion":"2024-11-05""#) == true)
            _ = try await poster.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            /// What comes on the channel that is no announcement.
            func next() async throws -> [String: Any] {
                while let event = try await stream.next() { if event.object["id"] != nil { return event.object } }
                return [:]
            }
            #expect(try await poster.send(PlainMCP.call("sample", id: 1)).status == 202)
            let question = try await next()
            #expect(question["method"] as? String == "sampling/createMessage")
            let number = try #require(question["id"] as? Int)
            let text = #"{"role":"assistant","content":{"type":"text","text":"ok"},"model":"m"}"#
            #expect(try await poster.send(#"{"jsonrpc":"2.0","id":\#(number),"result":\#(text)}"#).status == 202)
            let answer = try await next()
            #expect(answer["id"] as? Int == 1 && "\(answer)".contains("assistant"), "\(answer)")
            #expect(try await poster.send(PlainMCP.call("elicit", id: 2)).status == 202)
            let refused = try await next()["result"] as? [String: Any]
            #expect(refused?["isError"] as? Bool == true, "B3: there were no forms")
        }
    }
}
