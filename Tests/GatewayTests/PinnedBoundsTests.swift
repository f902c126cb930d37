import AsyncIO
import MCP
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What a session may let wait at a server whose tools nobody knows yet.
@Suite("What waits for pins", .timeLimit(.minutes(1)))
struct PinnedBoundsTests {
    /// A server that hears everything and says nothing.
    // SAFETY: used on its loop; what the test reads is behind a lock.
    private final class Mute: ServerConnection, @unchecked Sendable {
        let heard = Mutex<[String]>([])
        var details: LogMetadata { [:] }
        func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
            heard.withLock { $0.append(String(decoding: line.prefix(200), as: UTF8.self)) }
            return true
        }
        func flush() throws(IOError) {}
        func listen(
            _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
        ) {}
        func holdOutput(_ isHeld: Bool) {}
        func end(after loss: ConnectionLoss) async -> SessionEnd { .closedOutput }
        func stop() async {}
    }

    private final class Setting: Sendable {
        let loops = EventLoopGroup(count: 1)
        let server = Mute()
        let connection: PinnedConnection
        /// What the session was told.
        let told = Mutex<[String]>([])

        init(_ mode: PinMode = .enforce) {
            let book = PinBook(
                server: "s", mode: mode, audit: Trail().log, clock: .system, metrics: MetricsRegistry())
            connection = PinnedConnection(server, book, on: loops.loops[0])
        }

        /// The session says these; returns when it has been told what there is to say about them.
        func say(_ lines: [String]) async throws {
            let isDone = Mutex(false)
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                loops.loops[0].execute { [self] in
                    connection.listen { lines in
                        for case .complete(let line) in lines {
                            self.told.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
                        }
                    } lost: { _ in
                    }
                    do {
                        for line in lines { try connection.send(Array((line + "\n").utf8)) }
                        continuation.resume()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            }
            loops.loops[0].execute { isDone.withLock { $0 = true } }
            try await eventuallyTrue("the end of the turn") { isDone.withLock { $0 } }
        }

        var refused: Int { told.withLock { $0.count { $0.contains("Too many requests") } } }

        func end() async throws {
            await connection.stop()
            let loops = loops
            try await onThread { loops.shutdown() }
        }
    }

    private static func calls(_ numbers: Range<Int>, padding: Int = 0) -> [String] {
        let text = String(repeating: "x", count: padding)
        return numbers.map { PlainMCP.call("t", id: $0, #"{"x":"\#(text)"}"#) }
    }

    @Test("M10, pins: so many calls wait for the list of a server, and so many requests for lists")
    func counts() async throws {
        let setting = Setting()
        try await setting.say(Self.calls(1..<1027))
        #expect(setting.refused == 2)
        #expect(setting.server.heard.withLock { $0.count } == 1, "it was asked once, and called never")
        try await setting.say((2000..<3027).map { PlainMCP.request("tools/list", id: $0) })
        #expect(setting.refused == 5)
        try await setting.end()
    }

    @Test("M10, pins: so many bytes of calls wait, and one that is given up makes room")
    func bytes() async throws {
        let setting = Setting()
        try await setting.say(Self.calls(1..<21, padding: 1 << 20))
        #expect(setting.refused == 5)
        try await setting.say(
            (1..<6).map { #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#($0)}}"# })
        try await setting.say(Self.calls(31..<36, padding: 1 << 20))
        #expect(setting.refused == 5)
        try await setting.say(Self.calls(36..<37, padding: 1 << 20))
        #expect(setting.refused == 6)
        #expect(!setting.server.heard.withLock { $0.contains { $0.contains("tools/call") || $0.contains("cancel") } })
        #expect(setting.server.heard.withLock { $0.count } == 1)
        try await setting.say(
            (6..<36).map { #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#($0)}}"# })
        try await setting.say(Self.calls(41..<42))
        let asked = setting.server.heard.withLock { heard in heard.count { $0.contains("tools/list") } }
        #expect(asked == 2, "when nobody waits any more, who comes next asks again")
        try await setting.end()
    }

    @Test(
        "R05, pins: what looks like a call and is none does not reach the server",
        arguments: [PinMode.enforce, .report])
    func notification(mode: PinMode) async throws {
        let setting = Setting(mode)
        try await setting.say([#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"t"}}"#])
        #expect(setting.server.heard.withLock { $0.count } == (mode == .enforce ? 0 : 1))
        try await setting.end()
    }

    @Test(
        "R05, pins: a call whose name is no text is of no tool, whatever the server would make of it",
        arguments: [#"["t"]"#, #"{"name":["t"]}"#, #"{"name":7}"#, #"{"name":null}"#])
    func odd(parameters: String) async throws {
        let setting = Setting()
        try await setting.say([PlainMCP.request("tools/call", id: 1, parameters)])
        #expect(setting.server.heard.withLock { $0.isEmpty })
        #expect(setting.told.withLock { $0.count == 1 && $0[0].contains("Unknown tool") })
        try await setting.end()
    }
}
