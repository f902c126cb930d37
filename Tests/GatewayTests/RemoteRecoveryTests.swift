import AsyncIO
import Foundation
import HTTP
import MCP
import OAuth
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// Sessions of servers behind HTTP that are renewed, watched while they are idle, and not closed to some because of others.
@Suite("Servers behind HTTP, in the long run", .timeLimit(.minutes(3)))
struct RemoteRecoveryTests {
    // MARK: The circuit

    @Test("M10: how the calls of one user end does not open the circuit for others", arguments: ["rst", "502", "eof"])
    func breakingCalls(how: String) async throws {
        try await withRemote { bench, _ in
            let client = try await RemoteTests.open(bench)
            for id in 1...UpstreamCircuit.threshold + 3 {
                let answer =
                    how == "502"
                    ? try await client.say("status", id: id, #"{"status":502}"#) : try await client.say(how, id: id)
                #expect(answer.errorCode == -32603)
            }
            #expect(bench.gateway.unavailableServers == [])
            let other = try await RemoteTests.open(bench, "bob")
            #expect(try await other.say("echo", id: 1, #"{"message":"on"}"#).text == "on")
        }
    }

    // MARK: Renewal

    /// A question of the server on the stream of a call, and what its client would answer.
    private static func question(_ client: PlainMCP) async throws -> (stream: Stream, answer: String) {
        let stream = try await client.streamed(PlainMCP.call("ask", id: 1))
        let id = try #require(try await stream.next()?.data?.firstMatch(of: /"id": ?(\d+)/)?.1)
        return (stream, #"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept","content":{}}}"#)
    }

    private static func answers(_ remote: RemoteProcess) -> Int {
        remote.seen.filter { $0.verb == "POST" && $0.method == nil }.count
    }

    @Test("M05, d8: an answer whose session is gone goes to no other, which may have asked something of that number")
    func lateAnswer() async throws {
        try await withRemote { bench, remote in
            let client = try await RemoteTests.open(bench)
            let (stream, answer) = try await Self.question(client)
            #expect(try await client.say("forget", id: 2).text == "forgotten")
            #expect(try await client.send(answer).status == 202)
            try await eventuallyTrue("it to arrive at the session that asked") { Self.answers(remote) == 1 }
            #expect(try await client.say("echo", id: 3, #"{"message":"again"}"#).text == "again")
            #expect(Self.answers(remote) == 1, "once, and not to the new one")
            stream.cut()
        }
    }

    @Test("M05, d8: when a session is renewed its questions are taken back, and cannot be answered any more")
    func withdrawn() async throws {
        try await withRemote { bench, remote in
            let client = try await RemoteTests.open(bench)
            let (stream, answer) = try await Self.question(client)
            #expect(try await client.say("forget", id: 2).text == "forgotten")
            #expect(try await client.say("echo", id: 3, #"{"message":"again"}"#).text == "again")
            #expect(try await stream.next()?.data?.contains("notifications/cancelled") == true)
            #expect(try await client.send(answer).status == 400)
            #expect(try await client.say("echo", id: 4, #"{"message":"on"}"#).text == "on")
            #expect(Self.answers(remote) == 0)
            stream.cut()
        }
    }

    @Test("F15, d8: a session that is not renewed in time ends, and whoever waits for it is told")
    func slowRenewal() async throws {
        try await withRemote(["once"]) { bench, _ in
            let client = try await RemoteTests.open(bench)
            #expect(try await client.say("forget", id: 2).text == "forgotten")
            let began = ContinuousClock.now
            let answer = try await client.say("echo", id: 3)
            #expect(answer.errorCode == -32603, "\(answer.messages)")
            #expect(ContinuousClock.now - began < .seconds(10), "not only when the call has no time left")
        }
    }

    // MARK: What is said to an upstream

    @Test("M07: a message of a legacy session cannot pass for one of the modern era, wherever it hides")
    func smuggled() async throws {
        let meta =
            #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#
        let call = #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"headers",\#(meta)}}"#
        try await withRemote { bench, remote in
            let client = try await RemoteTests.open(bench, version: "2025-03-26")
            let plain = PlainMCP.call("echo", id: 4)
            for batch in ["[\(call)]", "[\(plain),\(call)]"] {
                #expect(try await client.send(batch).status == 400)
            }
            #expect(try await client.send("[\(plain)]").status == 200)
            let channel = PlainMCP(port: bench.port, path: "/remote/sse", token: "alice")
            let stream = try await channel.listen()
            var poster = channel
            poster.path = try #require(try await stream.next()?.data)
            let hello = PlainMCP.request("initialize", id: 0, #"{"protocolVersion":"2024-11-05","capabilities":{}}"#)
            #expect(try await poster.send(hello).status == 202)
            _ = try await stream.next()
            let notification = #"{"jsonrpc":"2.0","method":"notifications/x","params":{\#(meta)}}"#
            for text in [call, notification] { #expect(try await poster.send(text).status == 400) }
            #expect(remote.seen.allSatisfy { $0.values("mcp-method").isEmpty })
            stream.cut()
        }
    }

    @Test("M10: what waits to be sent is counted as what it is, so that nothing of it is counted for ever")
    func unsentBytes() async throws {
        let remote = try RemoteProcess()
        try await remote.start()
        let endpoint = RemoteEndpoint(url: try HTTPURL(remote.url))
        let loops = EventLoopGroup(count: 1)
        let configuration = GatewayConfiguration(
            hostPolicy: HostPolicy(publicURL: nil, listen: .ip(.v4(0x7F00_0001), port: 0), allowedOrigins: []),
            authentication: .none, servers: [])
        let upstream = HTTPUpstream(ServerDefinition(name: "remote", at: endpoint), endpoint, configuration)
        let open = try upstream.prepare(for: .anonymous, on: loops.loops[0])
        let connection = try #require(await Self.run(on: loops.loops[0]) { open() as? HTTPServerConnection })
        await Self.run(on: loops.loops[0]) { connection.listen({ _ in }, lost: { _ in }) }
        let forged = String(repeating: "x", count: 1 << 20)
        let line = Array(
            (#"{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{"dev.sallyport/identity":"\#(forged)"}}}"#
                + "\n").utf8)
        for round in 1...12 {
            let isTaken = await Self.run(on: loops.loops[0]) { (try? connection.send(line)) != nil }
            #expect(isTaken, "\(round)")
            try await eventuallyTrue("it to be sent") { await connection.pump == nil }
        }
        #expect(remote.seen.count == 12 && remote.seen.allSatisfy { !$0.body.contains("dev.sallyport") })
        await connection.stop()
        try? await onThread { loops.shutdown() }
    }

    private static func run<Result: Sendable>(
        on loop: EventLoop, _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in loop.execute { continuation.resume(returning: body()) } }
    }

    // MARK: While nobody says anything

    @Test("d8: a session that nobody uses is asked whether it is there; a forgotten one is begun again, with its news")
    func heartbeat() async throws {
        try await withRemote(endpoint: { $0.heartbeat = .milliseconds(200) }) { bench, remote in
            let client = try await RemoteTests.open(bench)
            let general = try await client.listen()
            try await eventuallyTrue("it to be asked") { remote.seen.count { $0.method == "ping" } >= 2 }
            let pings = remote.seen.filter { $0.method == "ping" }
            #expect(pings.allSatisfy { $0.values("mcp-session-id").count == 1 })
            let other = try await RemoteTests.open(bench, "bob")
            #expect(try await other.say("forget", id: 2).text == "forgotten")
            let news = try await general.next()?.data
            #expect(news?.contains("tools/list_changed") == true, "without a word of its client")
            let echo = try await client.say("echo", id: 3, #"{"message":"on"}"#)
            #expect(echo.text == "on" && echo.messages.count == 1)
        }
    }

    @Test("a server that does not answer pings is away: the circuit opens for everybody")
    func silent() async throws {
        try await withRemote(["deaf"], timeout: .seconds(1), endpoint: { $0.heartbeat = .milliseconds(100) }) {
            bench, _ in
            let client = try await RemoteTests.open(bench)
            try await eventuallyTrue("the circuit to open", within: .seconds(30)) {
                bench.gateway.unavailableServers == ["remote"]
            }
            _ = client
        }
        try await withRemote(["deaf"], endpoint: { $0.heartbeat = nil }) { bench, remote in
            let client = try await RemoteTests.open(bench)
            _ = try await client.say("sleep", id: 2, #"{"seconds":0.5}"#)
            #expect(!remote.seen.contains { $0.method == "ping" }, "unless it is not wanted")
        }
    }

    @Test(
        "C7: lists that are kept here are looked at again, where the server announces nothing",
        arguments: [[], ["mute"], ["sse-only"], ["sse-only", "mute"]]
    )
    func rediscovery(kind: [String]) async throws {
        let announces = !kind.contains("mute")
        try await withRemote(kind, endpoint: { $0.rediscovery = .milliseconds(200) }) {
            $0.aggregate = AggregateConfiguration()
        } _: { bench, remote in
            let client = try await bench.open("/mcp")
            func names() async throws -> [String] { try await client.demand("tools/list").listed("tools") }
            #expect(try await names().contains("remote__echo"))
            let direct = try await RemoteTests.open(bench, "bob")
            _ = try await direct.send(PlainMCP.request("tools/list", id: 1))
            #expect(try await direct.say("become", id: 2, #"{"tool":"other"}"#).text == "became")
            func asked() -> Int { remote.seen.count { $0.method == "tools/list" } }
            guard !announces else {
                let before = asked()
                _ = try await direct.say("sleep", id: 3, #"{"seconds":1}"#)
                #expect(asked() == before, "one that announces is not asked, nor for clients who keep lists themselves")
                return
            }
            try await eventuallyTrue("the change to be noticed") { try await names().contains("remote__other") }
        }
    }
}
