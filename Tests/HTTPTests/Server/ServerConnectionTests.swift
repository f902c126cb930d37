import AsyncIO
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import HTTP

/// What a connection does besides framing: content, continue, clients that go away.
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
}

/// Keeps a connection where a thread left it.
final class Holder<Value>: @unchecked Sendable {
    // SAFETY: the test uses it from one task at a time.
    var value: Value?
    init(_ value: Value) { self.value = value }
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
