import Foundation
import TestSupport
import Testing

@testable import HTTP

/// On a real socket: one answer, then silence, and nothing of it reaches a handler.
@Suite(.timeLimit(.minutes(2))) struct ServerFramingTests {
    static let follower = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

    static let attacks: [(String, Int)] = [
        (request("Content-Length: 5", "Transfer-Encoding: chunked", content: "0\r\n\r\n"), 400),
        (request("Transfer-Encoding: chunked", "Content-Length: 5", content: "0\r\n\r\n"), 400),
        ("POST /a HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (request("Content-Length: 0", "Content-Length: 44"), 400),
        (request("Content-Length: +0"), 400), (request("Content-Length: 0,0"), 400),
        (request("Transfer-Encoding: gzip, chunked", content: "0\r\n\r\n"), 400),
        (request("Transfer-Encoding: xchunked", content: "0\r\n\r\n"), 400),
        (request("X-A: b\r\n folded"), 400), (request("X-A : b"), 400), (request("X-A: b\nX-B: c"), 400),
        (request("Host: other"), 400), ("GET /a HTTP/1.1\r\n\r\n", 400), ("get /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a HTTP/1.2\r\nHost: a\r\n\r\n", 400), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n", 414),
        (request("X-A: \(String(repeating: "a", count: 9000))"), 431), (request("Content-Encoding: gzip"), 415),
        (request("Expect: 200-maybe"), 417), ("GET //a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]

    @Test(
        "H01 H02 H03 H05 H07 H10: a refused head is answered once and nothing behind it is parsed", arguments: attacks)
    func refusedHead(_ attack: String, _ status: Int) async throws {
        try await LiveServer.run { live in
            let answer = try await live.exchange(attack + Self.follower)
            #expect(LiveServer.statuses(answer) == [status])
            #expect(answer.lowercased().contains("connection: close"))
            #expect(live.seen.all == [])
        }
    }

    @Test("H04: broken chunks end in one 400, though the handler has begun", arguments: ChunkTests.refused)
    func refusedContent(_ body: String) async throws {
        try await LiveServer.run { live in
            let answer = try await live.exchange(request("Transfer-Encoding: chunked", content: body) + Self.follower)
            #expect(LiveServer.statuses(answer) == [400])
            #expect(live.seen.all == ["POST /a"])
        }
    }

    @Test("H01: the same bytes one by one make no difference")
    func byteByByte() async throws {
        try await LiveServer.run { live in
            for (attack, status) in Self.attacks.prefix(6) {
                let bytes = Array((attack + Self.follower).utf8).map { [$0] }
                let answer = try await live.exchange(bytes)
                #expect(LiveServer.statuses(answer) == [status])
            }
            #expect(live.seen.all == [])
        }
    }

    @Test("H09: pipelined requests are answered in order", arguments: [1, 2, 10, 100])
    func pipelining(_ count: Int) async throws {
        try await LiveServer.run { live in
            var text = (0..<count).map { index in
                index.isMultiple(of: 3)
                    ? "POST /\(index) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                    : "POST /\(index) HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
            }.joined()
            text += "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + Self.follower
            let answer = try await live.exchange(text)
            let expected = (0..<count).map { "POST /\($0) x" } + ["GET /end "]
            let lines = answer.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n")
            // The body of one answer and the status line of the next share a line end.
            #expect(lines.filter { $0.hasPrefix("POST /") || $0.hasPrefix("GET /") } == expected)
            #expect(live.seen.count == count + 1)
        }
    }

    @Test("H09: after a framing error the pipelined rest is not parsed, what came before is answered")
    func pipelinedError() async throws {
        try await LiveServer.run { live in
            let good = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n"
            let answer = try await live.exchange(good + "GET /two HTTP/1.1\r\nHost : a\r\n\r\n" + Self.follower)
            #expect(LiveServer.statuses(answer) == [200, 400])
            #expect(live.seen.all == ["GET /one"])
        }
    }

    @Test("H09: bytes behind Connection: close are ignored")
    func afterClose() async throws {
        try await LiveServer.run { live in
            let answer = try await live.exchange(
                "GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + Self.follower)
            #expect(LiveServer.statuses(answer) == [200])
            #expect(live.seen.all == ["GET /one"])
        }
    }

    @Test("H09: HTTP/1.0 closes unless it asks to keep the connection")
    func oldVersion() async throws {
        try await LiveServer.run { live in
            let once = try await live.exchange("GET /one HTTP/1.0\r\nHost: a\r\n\r\n" + Self.follower)
            #expect(LiveServer.statuses(once) == [200])
            let kept = try await live.exchange(
                "GET /one HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\nGET /two HTTP/1.0\r\nHost: a\r\n\r\n")
            #expect(LiveServer.statuses(kept) == [200, 200])
            #expect(kept.contains("connection: keep-alive"))
        }
    }
}
