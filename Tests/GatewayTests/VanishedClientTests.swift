import Foundation
import HTTP
import TestSupport
import Testing

@testable import Gateway

/// Clients that are gone in the middle of a stream.
@Suite("Vanished clients", .serialized, .timeLimit(.minutes(2)))
struct VanishedClientTests {
    /// How a client goes.
    enum Way: String, CaseIterable {
        case closes
        case resets
        /// Without a word: what it has left is for the gateway to find out.
        case silent

        static let possible = allCases.filter { $0 != .silent || SilentLine.isPossible }

        /// When it must have been noticed. Silence costs two signs of life, which are half a second apart here, and with the
        /// fifteen seconds of every day at most thirty.
        var limit: Duration { self == .silent ? .milliseconds(1500) : .seconds(1) }

        /// What must live as long as the client is to be gone.
        func leave(_ stream: Stream) throws -> SilentLine? {
            switch self {
            case .closes: stream.shutdown()
            case .resets: stream.cut()
            case .silent: return try SilentLine(clientPort: stream.localPort)
            }
            return nil
        }
    }

    private static func brisk(_ configuration: inout GatewayConfiguration) {
        configuration.limits.commitDelay = .milliseconds(50)
        configuration.limits.keepAlive = .milliseconds(500)
    }

    @Test("F16: a client of 2026-07-28 that vanishes cancels its call at the server", arguments: Way.possible)
    func modern(_ way: Way) async throws {
        try await withBench([ServerDefinition.python("demo", Script.legacy)], change: Self.brisk) { bench in
            let client = bench.modern()
            let stream = try await onThread {
                try Stream(client.stream("tools/call", #""name":"hang","arguments":{}"#, name: "hang"))
            }
            #expect(stream.head.isEventStream)
            let line = try way.leave(stream)
            try await eventuallyTrue("the server is told", within: way.limit) {
                try await client.say("seen").text?.contains("notifications/cancelled") == true
            }
            try await eventuallyTrue("nothing is left") { bench.server.connectionCount == 0 }
            withExtendedLifetime((line, stream)) {}
        }
    }

    @Test(
        "F16: the call of a client of 2025-11-25 that vanishes goes on, and its events are there for whoever comes back",
        arguments: Way.possible)
    func legacy(_ way: Way) async throws {
        try await withBench(change: Self.brisk) { bench in
            let client = try await bench.open(version: "2025-11-25")
            let idle = try await client.listen()
            let stream = try await client.streamed(PlainMCP.call("progress", id: 31, #"{"pause":0.6}"#, token: "7"))
            let first = try #require(try await stream.next()?.id)
            let lines = [try way.leave(stream), try way.leave(idle)]
            try await eventuallyTrue("nothing is left", within: way.limit + .milliseconds(500)) {
                bench.server.connectionCount == 0
            }
            let events = try await client.listen(lastEvent: first).rest().compactMap(\.data)
            #expect(events.count == 4 && events.last?.contains(#""id": 31"#) == true, "\(events)")
            withExtendedLifetime((lines, stream, idle)) {}
        }
    }

    @Test(
        "F16, c55: a client of 2025-11-25 that leaves before anything was said lets its connection go, and its call goes on",
        arguments: [Way.closes, .resets])
    func early(_ way: Way) async throws {
        let server = ServerDefinition.python("demo", Script.legacy)
        try await withBench([server], change: { $0.limits.commitDelay = .seconds(60) }) { bench in
            let client = try await bench.open(version: "2025-11-25")
            let http = try PlainHTTP(port: client.port, timeout: 5)
            try http.send("POST", client.path, client.headers, body: Array(PlainMCP.call("hang", id: 77).utf8))
            // What came later on the same loop is answered: the call waits by now.
            _ = try await client.say("seen", id: 78)
            way == .closes ? http.connection.shutdown() : http.connection.reset()
            try await eventuallyTrue("nothing is left", within: way.limit) { bench.server.connectionCount == 0 }
            let seen = try await client.say("seen", id: 79).text ?? ""
            #expect(!seen.contains("notifications/cancelled"), "\(seen)")
            withExtendedLifetime(http) {}
        }
    }

    @Test("F16, M10: of what a vanished client of 2025-11-25 has missed only so much is kept")
    func bounded() async throws {
        let bound = 16 << 10
        try await withBench(change: { $0.limits.replayBytes = bound }) { bench in
            let client = try await bench.open(version: "2025-11-25")
            let stream = try await client.streamed(PlainMCP.call("flood", id: 31, #"{"count":2000}"#))
            _ = try #require(try await stream.next()?.id)
            stream.cut()
            // The server does one thing after the other: then two megabytes have come.
            #expect(try await client.say("echo", id: 32, #"{"message":"after"}"#).text == "after")
            let session = try #require(bench.gateway.directory.all.first)
            #expect(await session.retainedBytes <= bound)
        }
    }

    @Test("F16: the answer that a vanished client has missed is kept while notifications go")
    func answerIsKept() async throws {
        func change(_ configuration: inout GatewayConfiguration) {
            Self.brisk(&configuration)
            configuration.limits.replayBytes = 16 << 10
        }
        try await withBench(change: change) { bench in
            let client = try await bench.open(version: "2025-11-25")
            let stream = try await client.streamed(PlainMCP.call("progress", id: 31, #"{"pause":0.1}"#, token: "7"))
            let first = try #require(try await stream.next()?.id)
            stream.cut()
            // Far more than is kept, for the general stream, which nobody reads.
            _ = try await client.say("changed", id: 32, #"{"count":1000}"#)
            let session = try #require(bench.gateway.directory.all.first)
            #expect(await session.retainedBytes <= 16 << 10)
            let events = try await client.listen(lastEvent: first).rest().compactMap(\.data)
            #expect(events.last?.contains(#""id": 31"#) == true, "\(events)")
        }
    }

    @Test("F16: a reader that only does not read is not taken for one that is gone")
    func patient() async throws {
        try await withBench(change: Self.brisk) { bench in
            let client = try await bench.open(version: "2025-11-25")
            let stream = try await client.listen()
            let begin = ContinuousClock.now
            try await eventuallyTrue("four signs of life", every: .milliseconds(50)) {
                ContinuousClock.now - begin > .milliseconds(2200)
            }
            // Before the next request, whose own connection would count.
            #expect(bench.server.connectionCount == 1)
            #expect(try await client.send(PlainMCP.request("ping", id: 2)).status == 200)
            stream.cut()
        }
    }
}
