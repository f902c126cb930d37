import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// Servers behind HTTP of every era and transport, for clients of every one (mcp.md B2).
@Suite("Clients and remote servers of all eras", .timeLimit(.minutes(2)))
struct RemoteEraTests {
    /// A client of 2024-11-05: its stream, and where it posts.
    private static func channel(_ bench: Bench) async throws -> (stream: Stream, poster: PlainMCP) {
        var poster = PlainMCP(port: bench.port, path: "/remote/sse", token: "alice")
        let stream = try await poster.listen()
        poster.path = try #require(try await stream.next()?.data)
        let hello = #"{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"o","version":"1"}}"#
        #expect(try await poster.send(PlainMCP.request("initialize", id: 0, hello)).status == 202)
        #expect(try await stream.next()?.data?.contains("serverInfo") == true)
        _ = try await poster.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        return (stream, poster)
    }

    private static func modern(_ bench: Bench, capabilities: String = "{}") -> PlainModernMCP {
        PlainModernMCP(port: bench.port, path: "/remote/mcp", token: "bob", capabilities: capabilities)
    }

    @Test(
        "B2: a remote server of either era and transport serves clients of every era and transport",
        arguments: [[], ["modern"], ["sse-only"]])
    func all(kind: [String]) async throws {
        try await withRemote(kind) { bench, remote in
            for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
                let client = try await RemoteTests.open(bench, version: version)
                #expect(try await client.say("echo", id: 7, #"{"message":"\#(version)"}"#).text == version)
            }
            let (stream, poster) = try await Self.channel(bench)
            #expect(try await poster.send(PlainMCP.call("echo", id: 2, #"{"message":"old"}"#)).status == 202)
            #expect(try await stream.next()?.data?.contains("old") == true)
            let client = Self.modern(bench)
            let answer = try await client.say("echo", id: #""n""#, #"{"message":"new"}"#)
            #expect(answer.text == "new" && answer.result?["resultType"] as? String == "complete")
            #expect(answer.object["id"] as? String == "n")
            if kind == ["modern"] {
                let calls = remote.seen.filter { $0.method == "tools/call" }
                #expect(calls.allSatisfy { $0.values("mcp-protocol-version") == ["2026-07-28"] })
                #expect(calls.allSatisfy { $0.values("mcp-session-id").isEmpty })
            }
        }
    }

    @Test(
        "d4: a refusal, a failure and a broken connection say nothing about the era: nothing is opened, nothing remembered",
        arguments: ["401", "503", "503 body", "reset"])
    func noVerdict(kind: String) async throws {
        try await withRemote(["modern", "sick=\(kind)"]) { bench, remote in
            let client = Self.modern(bench)
            let failed = try await client.say("echo", #"{"message":"x"}"#)
            #expect(failed.errorCode == -32603 && failed.text == nil, "\(failed.messages)")
            #expect(remote.seen.allSatisfy { $0.method == "server/discover" }, "\(remote.seen.map(\.method))")
            try remote.directory.write("log.well", "")
            try await eventuallyTrue("it is asked again", within: .seconds(20)) {
                try await client.say("echo", #"{"message":"x"}"#).text == "x"
            }
            #expect(!remote.seen.contains { $0.method == "initialize" })
        }
    }

    @Test("d5, e2: a modern server gets the header fields that belong to the body that it gets, whoever asks")
    func headers() async throws {
        try await withRemote(["modern"]) { bench, remote in
            let legacy = try await RemoteTests.open(bench)
            // Nobody has asked for a list: what must be mirrored is learnt from the refusal.
            let arguments = #"{"region":"e\u00fc","count":42,"none":null}"#
            #expect(try await legacy.say("mirror", id: 1, arguments).text == "mirrored")
            #expect(remote.seen.count { $0.body.contains(#""mirror""#) } == 2, "once more, and no oftener")
            #expect(try await legacy.say("mirror", id: 2, arguments).text == "mirrored")
            let calls = remote.seen.filter { $0.body.contains(#""mirror""#) }
            #expect(calls.count == 3, "and then it is known")
            let last = try #require(calls.last)
            #expect(last.values("mcp-method") == ["tools/call"] && last.values("mcp-name") == ["mirror"])
            #expect(last.values("mcp-param-region") == ["=?base64?ZcO8?="] && last.values("mcp-param-count") == ["42"])
            #expect(last.values("mcp-param-none").isEmpty)
            // One that refuses whatever it gets is asked twice.
            let liar = try await legacy.say("liar", id: 3)
            #expect(liar.errorCode == -32603, "D3: \(liar.messages)")
            #expect(remote.seen.count { $0.body.contains(#""liar""#) } == 2)
            let modern = Self.modern(bench)
            let fields = ["Mcp-Param-Region": "us", "Mcp-Param-Count": "7"]
            let answer = try await modern.say("mirror", #"{"region":"us","count":7}"#, changing: fields)
            #expect(answer.text == "mirrored", "\(answer.messages)")
            #expect(try await modern.say("mirror", #"{"region":"us","count":7}"#).errorCode == -32020)
            let list = try await modern.ask("tools/list").listed("tools")
            #expect(list.contains("mirror") && !list.contains("broken"), "C13: whose annotations break a rule")
        }
    }

    @Test("d6: towards a modern server closing the stream is what cancels, and nothing else is said")
    func cancelling() async throws {
        try await withRemote(["modern"]) { bench, remote in
            let client = try await RemoteTests.open(bench)
            let stream = try await client.streamed(PlainMCP.call("stream-hang", id: 9, token: "1"))
            _ = try await stream.next()
            let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}"#
            #expect(try await client.send(cancel).status == 202)
            try await eventuallyTrue("the stream there to be closed") { remote.noticedEnd(of: "stream-hang") }
            #expect(try await client.say("echo", id: 10, #"{"message":"on"}"#).text == "on")
            #expect(!remote.seen.contains { $0.body.contains("notifications/cancelled") })
        }
    }

    @Test(
        "d7: one body or a stream of events; no resultType means complete, an unknown one nothing; errors in any status"
    )
    func results() async throws {
        try await withRemote(["modern"]) { bench, _ in
            let client = try await RemoteTests.open(bench)
            let steps = try await client.send(PlainMCP.call("progress", id: 1, token: "5"))
            #expect(steps.messages.count == 4 && steps.text == "done")
            let content = #""content":[{"type":"text","text":"x"}]"#
            for (type, isKnown) in [("", true), (#","resultType":"complete""#, true), (#","resultType":"odd""#, false)]
            {
                let answer = try await client.say("raw", id: 2, #"{"result":{\#(content)\#(type)}}"#)
                #expect((answer.text == "x") == isKnown, "\(type): \(answer.messages)")
                if !isKnown { #expect(answer.result?["isError"] as? Bool == true) }
            }
            let modern = Self.modern(bench)
            let missing = try await modern.say("code", #"{"code":-32002}"#)
            #expect(missing.errorCode == -32602 && missing.errorMessage == "as told", "c30: \(missing.messages)")
            for (status, code) in [(404, -32601), (400, -32602)] {
                let body = #"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":\#(code),\"message\":\"as told\"}}"#
                let answer = try await modern.say("status", #"{"status":\#(status),"body":"\#(body)"}"#)
                #expect(answer.errorCode == code && answer.errorMessage == "as told", "\(status): \(answer.messages)")
            }
        }
    }
}
