import AsyncIO
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import HTTP

/// What a connection does besides framing: content, continue, limits in time, draining, response heads.
@Suite(.timeLimit(.minutes(2))) struct ServerConnectionTests {
    private static let close = "Connection: close\r\n"

    private static func body(_ answer: String) -> String {
        let parts = answer.components(separatedBy: "\r\n\r\n")
        return parts.dropFirst().joined(separator: "\r\n\r\n")
    }

    // MARK: Expect

    @Test("H09: the content is invited when the handler asks for it, not before")
    func continues() async throws {
        try await LiveServer.run { live in
            let port = live.port
            let answer = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send(
                    "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
                )
                let interim = try connection.receiveLine()
                _ = try connection.receiveLine()
                try connection.send("hello")
                return [interim, String(decoding: try connection.receiveAll(), as: UTF8.self)]
            }
            #expect(answer[0] == "HTTP/1.1 100 Continue")
            #expect(answer[1].hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer[1].hasSuffix("POST /a hello\n"))
        }
    }

    @Test("H09: a refusal before the content comes without an invitation and closes")
    func refusesBeforeContent() async throws {
        let refusing = HTTPHandler { _, _ in .text(.unauthorized, "no") }
        try await LiveServer.run(responder: refusing) { live in
            let answer = try await live.exchange(
                "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n")
            #expect(LiveServer.statuses(answer) == [401])
            #expect(answer.contains("connection: close"))
            #expect(live.seen.count == 1)
        }
    }

    // MARK: Content

    @Test("H07: a declared length beyond the limit is 413 before a byte of it is read")
    func declaredTooLarge() async throws {
        try await LiveServer.run { live in
            let answer = try await live.exchange("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2147483648\r\n\r\nabc")
            #expect(LiveServer.statuses(answer) == [413])
            #expect(answer.contains("connection: close"))
        }
    }

    @Test("H07: chunks beyond the limit are 413, and memory does not grow with them")
    func chunkedTooLarge() async throws {
        try await LiveServer.run { live in
            let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 120, count: 65536) + Array("\r\n".utf8)
            let head = Array("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            let before = Memory.resident()
            let answer = try await live.exchange([head] + Array(repeating: chunk, count: 100))
            #expect(LiveServer.statuses(answer) == [413])
            #expect(Memory.resident() - before < 24 << 20)
        }
    }

    @Test("content that a handler leaves unread is discarded, and the connection stays")
    func discards() async throws {
        let ignoring = HTTPHandler { request, _ in .text(.ok, request.path) }
        try await LiveServer.run(responder: ignoring) { live in
            let content = String(repeating: "x", count: 100_000)
            let answer = try await live.exchange(
                "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n\(content)"
                    + "POST /two HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n\(content)\r\n0\r\n\r\n"
                    + "GET /three HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(LiveServer.statuses(answer) == [200, 200, 200])
            #expect(live.seen.all == ["POST /one", "POST /two", "GET /three"])
        }
    }

    @Test("H09: content that is too long to discard closes the connection, and is never taken for a request")
    func discardsNotEndlessly() async throws {
        let ignoring = HTTPHandler { request, _ in .text(.ok, request.path) }
        try await LiveServer.run({ $0.discardLimit = 1000 }, responder: ignoring) { live in
            let smuggled = String(repeating: ServerFramingTests.follower, count: 100)
            for head in [
                "Content-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
                "Transfer-Encoding: chunked\r\n\r\n\(String(smuggled.utf8.count, radix: 16))\r\n\(smuggled)\r\n0\r\n\r\n",
            ] {
                let answer = try await live.exchange("POST /one HTTP/1.1\r\nHost: a\r\n\(head)")
                #expect(LiveServer.statuses(answer) == [200])
            }
            #expect(live.seen.all == ["POST /one", "POST /one"])
        }
    }

    @Test("a handler that keeps the body after its answer cannot read the next request's content")
    func detached() async throws {
        let kept = KeptBody()
        let keeping = HTTPHandler { request, body in
            if request.path == "/one" {
                kept.keep(body)
                return .text(.ok, "kept")
            }
            return .text(.ok, "\(await kept.read() ?? -1)")
        }
        try await LiveServer.run(responder: keeping) { live in
            let answer = try await live.exchange(
                "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
                    + "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")
            #expect(answer.hasSuffix("-1\n"))
        }
    }

    // MARK: H08

    @Test("H08: half a head is answered with 408, silence with nothing")
    func slowHead() async throws {
        try await LiveServer.run({ $0.headTimeout = .milliseconds(200) }) { live in
            let half = try await live.exchange("GET / HTTP/1.1\r\nHost: a\r\n")
            #expect(LiveServer.statuses(half) == [408])
            let silence = try await live.exchange("")
            #expect(silence == "")
            #expect(live.seen.all == [])
        }
    }

    @Test("H08: a head that drips is cut by the clock, not by the pause")
    func drippingHead() async throws {
        try await LiveServer.run({ $0.headTimeout = .milliseconds(300) }) { live in
            let drops = Array("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 200))".utf8).map { [$0] }
            let start = ContinuousClock.now
            let answer = try await live.exchange(drops, pause: 0.02)
            #expect(LiveServer.statuses(answer) == [408] || answer.isEmpty)
            #expect(ContinuousClock.now - start < .seconds(8))
            #expect(live.seen.all == [])
        }
    }

    @Test("H08: a connection that rests is closed")
    func idle() async throws {
        try await LiveServer.run({ $0.idleTimeout = .milliseconds(200) }) { live in
            let answer = try await live.exchange("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(LiveServer.statuses(answer) == [200])
            #expect(!answer.contains("connection: close"))
        }
    }

    @Test("H08: content that pauses is answered with 408")
    func pausingContent() async throws {
        try await LiveServer.run({ $0.bodyIdleTimeout = .milliseconds(200) }) { live in
            let answer = try await live.exchange("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            #expect(LiveServer.statuses(answer) == [408])
            #expect(answer.contains("connection: close"))
        }
    }

    @Test("H08: content that drips below the minimum rate is answered with 408")
    func drippingContent() async throws {
        try await LiveServer.run({
            $0.bodyGrace = .milliseconds(200)
            $0.bodyMinimumRate = 1000
        }) { live in
            let head = Array("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".utf8)
            let answer = try await live.exchange([head] + Array(repeating: [120], count: 100), pause: 0.02)
            #expect(LiveServer.statuses(answer) == [408] || answer.isEmpty)
        }
    }

    @Test("H08: a reader that takes nothing is cut, and the writer was suspended until then")
    func slowReader() async throws {
        let written = Ledger<Int>()
        let flooding = HTTPHandler { _, _ in
            HTTPResponse(
                status: .ok,
                body: .stream { writer in
                    do {
                        for count in 1...10_000 {
                            try await writer.write([UInt8](repeating: 120, count: 65_536))
                            written.record(count)
                        }
                    } catch {
                        written.record(-1)
                        throw error
                    }
                })
        }
        try await LiveServer.run({ $0.writeTimeout = .milliseconds(300) }, responder: flooding) { live in
            let port = live.port
            let connection = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                return Holder(connection)
            }
            try await eventuallyTrue("the writer is cut") { written.all.last == -1 }
            // What the kernel buffers, not what the handler would like to send.
            #expect(written.count < 1000)
            try await eventuallyTrue("the connection is gone") { live.server.connectionCount == 0 }
            withExtendedLifetime(connection) {}
        }
    }

    // MARK: Disconnect

    @Test("a client that goes away while its request is answered cancels the handler", arguments: [false, true])
    func disconnect(_ isReset: Bool) async throws {
        let events = Ledger<String>()
        let waiting = HTTPHandler { _, _ in
            events.record("waiting")
            do { try await Task.sleep(for: .seconds(30)) } catch { events.record("cancelled") }
            return .text(.ok, "late")
        }
        try await LiveServer.run(responder: waiting) { live in
            let port = live.port
            let connection = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                return Holder(connection)
            }
            try await eventuallyTrue("the handler waits") { events.all == ["waiting"] }
            if isReset { connection.value?.reset() }
            connection.value = nil
            try await eventuallyTrue("the handler is cancelled", within: .seconds(2)) {
                events.all == ["waiting", "cancelled"]
            }
            try await eventuallyTrue("the connection is gone") { live.server.connectionCount == 0 }
        }
    }

    // MARK: Bounds and drain

    @Test("H08: connections beyond the bound get 503 at once")
    func connectionLimit() async throws {
        try await LiveServer.run({ $0.maximumConnections = 1 }) { live in
            let port = live.port
            let first = try await onThread {
                let connection = try PlainConnection(port: port)
                try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try connection.receiveLine()
                return Holder(connection)
            }
            let answer = try await onThread {
                String(decoding: try PlainConnection(port: port).receiveAll(), as: UTF8.self)
            }
            #expect(LiveServer.statuses(answer) == [503])
            first.value = nil
            try await eventuallyTrue("there is room again") { live.server.connectionCount == 0 }
            let last = try await live.exchange("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(LiveServer.statuses(last) == [200])
        }
    }

    @Test("H08: who has sent many requests at once is answered in turn with others, not before them")
    func turns() async throws {
        let (begun, sent) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let order = Ledger<String>()
        let handler = HTTPHandler { request, _ in
            order.record(request.path)
            if request.path == "/first" {
                // The loop stands still until the other one's request lies before it.
                begun.signal()
                Self.wait(sent)
            }
            return .text(.ok, request.path)
        }
        let group = EventLoopGroup(count: 1)
        defer { group.shutdown() }
        let server = HTTPServer(
            group: group, responder: handler, logger: Logger(label: "test", sink: LogSink(capture: { _ in })))
        let port = try await server.start(on: SocketAddress(parsing: "127.0.0.1:0")).port
        try await onThread {
            let other = try PlainConnection(port: port)
            try other.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try other.receiveLine()
            let many = try PlainConnection(port: port)
            let rest = String(repeating: "GET /many HTTP/1.1\r\nHost: a\r\n\r\n", count: 99)
            let last = "GET /many HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            try many.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + rest + last)
            Self.wait(begun)
            try other.send("GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            sent.signal()
            _ = try other.receiveAll()
            let before = try #require(order.all.firstIndex(of: "/other"))
            #expect(before < 10, "\(before) were answered first")
            let answers = String(decoding: try many.receiveAll(), as: UTF8.self)
            #expect(LiveServer.statuses(answers).count == 101)
        }
        await server.drain(within: .milliseconds(200))
    }

    private static func wait(_ semaphore: DispatchSemaphore) {
        #expect(semaphore.wait(timeout: .now() + 20) == .success)
    }

    @Test("connections from one address are bounded when asked for")
    func addressLimit() async throws {
        try await LiveServer.run({ $0.maximumConnectionsPerAddress = 2 }) { live in
            let port = live.port
            let open = try await onThread {
                try (0..<2).map { _ in
                    let connection = try PlainConnection(port: port)
                    try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try connection.receiveLine()
                    return Holder(connection)
                }
            }
            let answer = try await onThread {
                String(decoding: try PlainConnection(port: port).receiveAll(), as: UTF8.self)
            }
            #expect(LiveServer.statuses(answer) == [503])
            for holder in open { holder.value = nil }
        }
    }

    @Test("F20: draining finishes what is being answered, says close, and takes nothing new")
    func drain() async throws {
        let events = Ledger<String>()
        let slow = HTTPHandler { _, _ in
            events.record("begun")
            try? await Task.sleep(for: .milliseconds(300))
            return .text(.ok, "done")
        }
        try await LiveServer.run(responder: slow) { live in
            let port = live.port
            async let idle = live.exchange("")
            async let busy = live.exchange("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventuallyTrue("both are connected") {
                events.count == 1 && live.server.connectionCount == 2
            }
            let start = ContinuousClock.now
            await live.server.drain(within: .seconds(5))
            #expect(ContinuousClock.now - start < .seconds(3))
            let answer = try await busy
            #expect(LiveServer.statuses(answer) == [200])
            #expect(answer.contains("connection: close"))
            let nothing = try await idle
            #expect(nothing == "")
            #expect(live.server.connectionCount == 0)
            await #expect(throws: PlainConnectionError.self) {
                try await onThread { _ = try PlainConnection(port: port) }
            }
        }
    }

    @Test("F20: what does not end within the time is cut")
    func drainDeadline() async throws {
        let endless = HTTPHandler { _, _ in
            HTTPResponse(status: .ok, body: .stream { _ in try await Task.sleep(for: .seconds(60)) })
        }
        try await LiveServer.run(responder: endless) { live in
            async let answer = live.exchange("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventuallyTrue("the stream is open") { live.seen.count == 1 }
            await live.server.drain(within: .milliseconds(100))
            #expect(live.server.connectionCount == 0)
            let text = (try? await answer) ?? ""
            #expect(!text.contains("0\r\n\r\n"))
        }
    }
}

/// Keeps a connection where a thread left it.
final class Holder: @unchecked Sendable {
    // SAFETY: the test uses it from one task at a time.
    var value: PlainConnection?
    init(_ value: PlainConnection) { self.value = value }
}

/// A body that outlives its request.
final class KeptBody: @unchecked Sendable {
    // SAFETY: both requests come over one connection, one after the other on its loop.
    private var body: HTTPRequestBody?
    func keep(_ body: HTTPRequestBody) { self.body = body }
    func read() async -> Int? { try? await body?.next()?.count }
}

enum Memory {
    /// Bytes of this process in memory.
    static func resident() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
    }
}
