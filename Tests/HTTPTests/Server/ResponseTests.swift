import Foundation
import Telemetry
import TestSupport
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1))) struct ResponseTests {
    private static func answer(
        _ response: HTTPResponse, method: String = "GET", version: String = "HTTP/1.1"
    ) async throws -> String {
        try await LiveServer.run(responder: HTTPHandler { _, _ in response }) { live in
            try await live.exchange("\(method) /a \(version)\r\nHost: a\r\nConnection: close\r\n\r\n")
        }
    }

    @Test(
        "H12: a field with a line end or control character cannot be stored",
        arguments: [
            "a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\u{00}b", "\r\n\r\n<html>", "a\u{0B}b", "a\u{1B}[31m", "a\u{7F}",
            "\u{0D}\u{0A}", "a\r\n b",
        ])
    func splitting(_ value: String) async throws {
        var fields = HTTPFields()
        fields.append("Location", value)
        #expect(fields.isEmpty)
        #expect(fields.hasRefusedField)
        let answer = try await Self.answer(HTTPResponse(status: .ok, fields: fields))
        #expect(answer.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
        #expect(!answer.contains("Set-Cookie"))
        #expect(!answer.contains("<html>"))
    }

    @Test(
        "H12: a name that is no token cannot be stored",
        arguments: [
            "", "a b", "a:b", "a\r\nb", "a\u{00}", "\u{E9}", "a\u{7F}", "(a)", "a/b",
        ])
    func names(_ name: String) {
        #expect(HTTPFieldName(validating: name) == nil)
    }

    @Test("H12: a literal that is no token is refused when it is used")
    func literal() {
        var fields = HTTPFields()
        fields.append("a b", "c")
        fields.append("", "c")
        #expect(fields.isEmpty)
        #expect(fields.hasRefusedField)
    }

    @Test("H10: fields that belong to the connection are the server's alone")
    func hopByHop() async throws {
        let response = HTTPResponse(
            status: .ok,
            fields: [
                "Connection": "keep-alive", "Content-Length": "999", "Transfer-Encoding": "gzip", "Keep-Alive": "9",
                "Upgrade": "h2c", "Date": "never", "TE": "x", "Trailer": "x", "Proxy-Connection": "x", "X-Kept": "yes",
            ], body: .bytes(Array("hi".utf8)))
        let answer = try await Self.answer(response)
        let lines = answer.components(separatedBy: "\r\n").map { $0.lowercased() }
        #expect(lines.filter { $0.hasPrefix("content-length") } == ["content-length: 2"])
        #expect(lines.filter { $0.hasPrefix("connection") } == ["connection: close"])
        #expect(lines.contains("x-kept: yes"))
        for name in ["transfer-encoding", "keep-alive", "upgrade", "te", "trailer", "proxy-connection"] {
            #expect(!lines.contains { $0.hasPrefix("\(name):") }, "\(name)")
        }
        #expect(lines.filter { $0.hasPrefix("date: ") }.count == 1)
        #expect(!lines.contains("date: never"))
    }

    @Test("HEAD gets the head of GET and no content")
    func head() async throws {
        for body in [HTTPResponse.Body.bytes(Array("hello".utf8)), .stream { try await $0.write(Array("hello".utf8)) }]
        {
            let answer = try await Self.answer(HTTPResponse(status: .ok, body: body), method: "HEAD")
            #expect(answer.hasSuffix("\r\n\r\n"))
            #expect(!answer.contains("hello"))
            #expect(answer.contains("content-length: 5") || answer.contains("transfer-encoding: chunked"))
        }
    }

    @Test("204 and 304 have no content and do not speak of any", arguments: [204, 304])
    func withoutContent(_ code: Int) async throws {
        let answer = try await Self.answer(HTTPResponse(status: HTTPStatus(code), body: .bytes(Array("x".utf8))))
        #expect(answer.hasSuffix("\r\n\r\n"))
        #expect(!answer.contains("content-length"))
        #expect(!answer.contains("transfer-encoding"))
    }

    @Test("a handler cannot answer with an interim status")
    func interim() async throws {
        #expect(try await Self.answer(HTTPResponse(status: HTTPStatus(101))).hasPrefix("HTTP/1.1 500 "))
    }

    private static let three = HTTPResponse.Body.stream { writer in
        for text in ["one", "", "two", "three"] { try await writer.write(Array(text.utf8)) }
    }

    @Test("a stream is chunked, piece by piece")
    func chunked() async throws {
        let answer = try await Self.answer(HTTPResponse(status: .ok, body: Self.three))
        #expect(answer.contains("transfer-encoding: chunked\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"))
    }

    @Test("a stream for HTTP/1.0 ends with the connection")
    func untilClose() async throws {
        let answer = try await Self.answer(HTTPResponse(status: .ok, body: Self.three), version: "HTTP/1.0")
        #expect(!answer.contains("chunked"))
        #expect(answer.hasSuffix("\r\n\r\nonetwothree"))
    }

    @Test("a stream that fails is cut without its last chunk")
    func failing() async throws {
        struct Broken: Error {}
        let body = HTTPResponse.Body.stream { writer in
            try await writer.write(Array("half".utf8))
            throw Broken()
        }
        let answer = try await Self.answer(HTTPResponse(status: .ok, body: body))
        #expect(answer.hasSuffix("4\r\nhalf\r\n"))
    }

    @Test("large content arrives whole", arguments: [65_535, 65_536, 65_537, 5_000_000])
    func large(_ count: Int) async throws {
        let answer = try await Self.answer(
            HTTPResponse(status: .ok, body: .bytes([UInt8](repeating: 120, count: count))))
        #expect(answer.utf8.count(where: { $0 == 120 }) >= count)
        #expect(answer.contains("content-length: \(count)\r\n"))
    }

    @Test("the date is written as RFC 9110 wants it")
    func date() {
        #expect(HTTPDateField.text(.init(secondsSinceEpoch: 784_111_777)) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDateField.text(.init(secondsSinceEpoch: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDateField.text(.init(secondsSinceEpoch: 1_709_164_800)) == "Thu, 29 Feb 2024 00:00:00 GMT")
    }
}
