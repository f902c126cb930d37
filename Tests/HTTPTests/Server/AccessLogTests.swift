import AsyncIO
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import HTTP

/// One line for each answer, and the name of the request in its head.
@Suite(.timeLimit(.minutes(2))) struct AccessLogTests {
    private static func ids(_ answer: String) -> [String] {
        answer.components(separatedBy: "\r\n").filter { $0.hasPrefix("x-request-id: ") }.map {
            String($0.dropFirst(14))
        }
    }

    private static func text(_ line: LogLine, _ key: String) -> String? {
        switch line.metadata[key] {
        case .string(let value): value
        case .integer(let value): String(value)
        default: nil
        }
    }

    /// Its lines, when there are so many: they are written after the answers have gone.
    private static func lines(_ live: LiveServer, count: Int) async throws -> [LogLine] {
        try await eventuallyTrue("\(count) lines, not \(live.accesses.count)") { live.accesses.count >= count }
        #expect(live.accesses.count == count)
        return live.accesses.all
    }

    @Test("each answer has a line with its name, without the query, and each request a name of its own")
    func answers() async throws {
        let responder = HTTPHandler { request, _ in
            request.account?.details.user = request.path == "/a" ? "alice" : nil
            guard request.path == "/stream" else { return .text(.ok, "1234") }
            return HTTPResponse(
                status: .ok,
                body: .stream { writer in
                    try await writer.write(Array("abc".utf8))
                    try await writer.write(Array("defg".utf8))
                })
        }
        try await LiveServer.run(responder: responder) { live in
            let requests = [
                "GET /a?token=sesame HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /stream HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nConnection: close\r\n\r\n",
            ]
            let ids = Self.ids(try await live.exchange(requests.joined()))
            let lines = try await Self.lines(live, count: 3)
            #expect(Set(ids).count == 3 && ids.allSatisfy { $0.count == 24 })
            #expect(lines.map { Self.text($0, "request_id") } == ids)
            #expect(lines.map { Self.text($0, "path") } == ["/a", "/b", "/stream"])
            #expect(lines.map { Self.text($0, "method") } == ["GET", "HEAD", "GET"])
            #expect(lines.map { Self.text($0, "bytes") } == ["5", "0", "7"])
            #expect(
                lines.map { Self.text($0, "user") } == ["alice", nil, nil], "nothing is left of the request before")
            #expect(lines.allSatisfy { Self.text($0, "remote_address")?.hasPrefix("127.0.0.1:") == true })
            #expect(lines.allSatisfy { Double(Self.text($0, "duration_ms") ?? "") ?? -1 >= 0 })
            #expect(lines.allSatisfy { $0.level == .info && Self.text($0, "proxy_request_id") == nil })
            #expect(!lines.map { "\($0.metadata)" }.joined().contains("sesame"))
        }
    }

    @Test("what cannot be read as a request has a name and a line too")
    func refused() async throws {
        try await LiveServer.run { live in
            let answer = try await live.exchange("GET /a HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
            let ids = Self.ids(answer)
            let lines = try await Self.lines(live, count: 2)
            #expect(lines.map { Self.text($0, "request_id") } == ids && Set(ids).count == 2)
            #expect(lines.map { Self.text($0, "status") } == ["200", "400"])
            #expect(lines.map { Self.text($0, "path") } == ["/a", nil])
        }
        try await LiveServer.run { live in
            let answer = try await live.exchange(
                "POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            let lines = try await Self.lines(live, count: 1)
            #expect(lines.map { Self.text($0, "request_id") } == Self.ids(answer))
            #expect(Self.text(lines[0], "status") == "400" && Self.text(lines[0], "path") == "/chunks")
        }
    }

    @Test("R07: the client and the name that a proxy says count from a trusted one alone, and the name never is ours")
    func proxies() async throws {
        let names = ["trace-1", String(repeating: "x", count: 65), "a b", "\u{E9}", ""]
        func ask(trusting block: String) async throws -> (ids: [String], lines: [LogLine]) {
            let proxies = TrustedProxies([block].compactMap { CIDR($0) })
            let next = HTTPHandler { _, _ in .text(.ok, "x") }
            return try await LiveServer.run(responder: ForwardingBoundary(proxies, before: next)) { live in
                let heads = names.map {
                    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\nX-Request-Id: \($0)\r\n"
                }
                let twice = heads[0] + "X-Request-Id: trace-2\r\nConnection: close\r\n\r\n"
                let answer = try await live.exchange(heads.map { $0 + "\r\n" }.joined() + twice)
                return (Self.ids(answer), try await Self.lines(live, count: names.count + 1))
            }
        }
        let (ids, lines) = try await ask(trusting: "127.0.0.0/8")
        #expect(lines.map { Self.text($0, "request_id") } == ids && !ids.contains("trace-1"))
        #expect(lines.map { Self.text($0, "proxy_request_id") } == ["trace-1", nil, nil, nil, nil, nil])
        #expect(lines.allSatisfy { Self.text($0, "remote_address")?.hasPrefix("203.0.113.7") == true })
        let strange = try await ask(trusting: "10.0.0.0/8").lines
        #expect(strange.allSatisfy { Self.text($0, "proxy_request_id") == nil })
        #expect(strange.allSatisfy { Self.text($0, "remote_address")?.hasPrefix("127.0.0.1:") == true })
    }
}
