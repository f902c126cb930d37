import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

@Suite("Servers of 2024-11-05 behind HTTP", .timeLimit(.minutes(2)))
struct RemoteChannelTests {
    @Test(
        "d4, d10: a server that knows no POST at its address is asked for its stream; clients of every era use it",
        arguments: [RemoteEndpoint.Transport.automatic, .eventChannel])
    func eras(transport: RemoteEndpoint.Transport) async throws {
        try await withRemote(["sse-only"]) {
            $0.transport = transport
            $0.fields = [.init("Authorization", "Bearer ours")]
        } _: { bench, remote in
            let client = try await RemoteTests.open(bench)
            #expect(try await client.say("echo", id: 7, #"{"message":"héllo\n"}"#).text == "héllo\n")
            let steps = try await client.send(PlainMCP.call("progress", id: 8, token: "5"))
            #expect(steps.messages.filter { $0.contains("notifications/progress") }.count == 3)
            let asking = try await client.streamed(PlainMCP.call("ask", id: 1))
            let question = try #require(try await asking.next()?.data?.firstMatch(of: /"id": ?(\d+)/)?.1)
            let answer = #"{"jsonrpc":"2.0","id":\#(question),"result":{"action":"decline"}}"#
            #expect(try await client.send(answer).status == 202)
            #expect(try await asking.rest().last?.data?.contains("decline") == true)
            let modern = PlainModernMCP(port: bench.port, path: "/remote/mcp", token: "bob")
            #expect(try await onThread { try modern.call("echo", #"{"message":"new"}"#) }.text == "new")
            #expect(remote.seen.allSatisfy { $0.values("authorization") == ["Bearer ours"] }, "R03")
            // It is remembered: the second session did not try the other way.
            let wrong = remote.seen.filter { $0.verb == "POST" && $0.target == "/mcp" }
            #expect(wrong.count == (transport == .automatic ? 1 : 0))
        }
    }

    @Test(
        "F15: when the stream is gone so is the session: its calls are answered at once, the next one works",
        arguments: ["rst", "eof"])
    func drop(mode: String) async throws {
        try await withRemote(["sse-only"]) { bench, _ in
            let client = try await RemoteTests.open(bench)
            async let other = client.say("sleep", id: 3, #"{"seconds":20}"#)
            try await eventuallyTrue("the other call to be there") {
                try await client.say("count", id: Int.random(in: 100...9999), #"{"of":"sleep"}"#).text == "1"
            }
            let begin = ContinuousClock.now
            let answer = try await client.say(mode, id: 2)
            #expect(ContinuousClock.now - begin < .milliseconds(500))
            #expect(answer.errorCode == -32603 && answer.errorMessage?.contains("lost") == true, "\(answer.messages)")
            #expect(try await other.errorCode == -32603)
            #expect(try await client.send(PlainMCP.request("ping", id: 4)).status == 404, "the client begins anew")
            let next = try await RemoteTests.open(bench)
            #expect(try await next.say("echo", id: 1, #"{"message":"on"}"#).text == "on")
        }
    }

    @Test("d10: messages and credentials go to the server's own origin only")
    func elsewhere() async throws {
        let other = try RemoteProcess()
        try await other.start()
        for address in [other.url, "//127.0.0.1:\(other.port)/mcp", "http://user@127.0.0.1/mcp"] {
            try await withRemote(["sse-only", "endpoint=\(address)"]) { bench, _ in
                let answer = try await bench.request(
                    "POST", "/remote/mcp", PlainMCP(port: bench.port, path: "", token: "bob").headers,
                    PlainMCP.request("initialize", id: 0, #"{"protocolVersion":"2025-06-18","capabilities":{}}"#))
                #expect(answer.text.contains("-32603"), "\(answer.status) \(answer.text)")
            }
        }
        #expect(other.seen.isEmpty)
    }

    @Test("M10: a reader that does not read holds the stream back")
    func slowReader() async throws {
        try await withRemote(["sse-only"]) { bench, _ in try await bench.floodsSlowReader() }
    }
}
