import Testing

@testable import HTTP

/// Heads that come again on their connection: answered without the parser, and yet as if it had seen them.
@Suite struct RepeatedHeadTests {
    private static func post(_ content: String, length: String? = nil, token: String = "a", close: Bool = false)
        -> String
    {
        let head = "POST /a?q=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n"
        let end = close ? "Connection: close\r\n\r\n" : "\r\n"
        return head + "Content-Length: \(length ?? String(content.utf8.count))\r\n" + end + content
    }

    private final class Note: Sendable {
        let token: String?
        init(_ token: String?) { self.token = token }
    }

    /// Answers with what it sees, and what it noted when it saw this head first.
    private static let witness = HTTPHandler { request, body in
        let noted = request.memory?.note { Note(request.fields["authorization"]) }
        let content = (try? await body.collect(upTo: 1 << 20)) ?? []
        let words = [
            request.method.rawValue, request.path, request.query ?? "", request.authority,
            request.fields["authorization"] ?? "", request.fields["content-length"] ?? "", noted?.token ?? "none",
            String(decoding: content, as: UTF8.self),
        ]
        return .text(.ok, words.joined(separator: "|"))
    }

    private static func answers(_ pieces: [String], pause: Double = 0) async throws -> [String] {
        try await LiveServer.run(responder: witness) { live in
            let text = try await live.exchange(pieces.map { Array($0.utf8) }, pause: pause)
            return text.split(separator: "\r\n\r\n").dropFirst().map { String($0.prefix { $0 != "\n" }) }
        }
    }

    private static func line(_ content: String, token: String = "a", length: Int? = nil) -> String {
        let length = length ?? content.utf8.count
        return "POST|/a|q=1|localhost|Bearer \(token)|\(length)|Bearer \(token)|\(content)"
    }

    /// A head that came in pieces is not remembered, and nothing can be noted about it.
    private static func withoutNote(_ answer: String) -> [Substring] {
        var words = answer.split(separator: "|", omittingEmptySubsequences: false)
        words.remove(at: 6)
        return words
    }

    @Test("the same head and another content, whole, in pieces and behind each other")
    func same() async throws {
        let expected = ["hello", "world", "again", "end"].map { Self.line($0) }
        let requests = ["hello", "world", "again"].map { Self.post($0) }
        let last = Self.post("end", close: true)
        #expect(try await Self.answers([requests.joined() + last]) == expected)
        #expect(try await Self.answers(requests + [last], pause: 0.05) == expected)
        for cut in [1, 40, 60, 95, 102, 104] {
            let pieces = requests.flatMap { [String($0.prefix(cut)), String($0.dropFirst(cut))] }
            let answers = try await Self.answers(pieces + [last], pause: 0.02)
            #expect(answers.map(Self.withoutNote) == expected.map(Self.withoutNote), "cut at \(cut)")
        }
    }

    @Test("another length is read anew, with as many digits and with more")
    func otherLength() async throws {
        let contents = ["hello", "hi", "0123456789", "01234567890", "yes"]
        let text = contents.map { Self.post($0) }.joined() + Self.post("end", close: true)
        #expect(try await Self.answers([text]) == (contents + ["end"]).map { Self.line($0) })
    }

    @Test("a length that begins with zeros, or is nothing else, ends the content where it says")
    func zeros() async throws {
        let requests = [Self.post("0123456789"), Self.post("hello", length: "05"), Self.post("", length: "00")]
        let answers = try await Self.answers([requests.joined() + Self.post("end", close: true)])
        let contents = answers.map { $0.split(separator: "|", omittingEmptySubsequences: false).last }
        #expect(contents == ["0123456789", "hello", "", "end"])
    }

    @Test("a head that differs in one byte is another one, and so are its notes")
    func otherToken() async throws {
        let tokens = ["a", "a", "b", "a", "b", "b"]
        let text = tokens.map { Self.post("x", token: $0) }.joined() + Self.post("end", close: true)
        #expect(try await Self.answers([text]) == tokens.map { Self.line("x", token: $0) } + [Self.line("end")])
    }

    @Test(
        "H02: a length that is refused the first time is refused behind a head that was good",
        arguments: ["+0", "-5", "0x", " 5 5", "5,", "\u{FF15}", "5\u{0B}", "5h", "_5"])
    func refusedLength(_ length: String) async throws {
        let statuses = try await LiveServer.run(responder: Self.witness) { live in
            LiveServer.statuses(
                try await live.exchange(Self.post("0123456789") + Self.post("0123456789", length: length)))
        }
        #expect(statuses == [200, 400])
    }

    @Test("H02: leading zeros behind a head that was good mean what they mean in the first one")
    func leadingZero() async throws {
        let text = Self.post("0123456789") + Self.post("12345", length: "05") + Self.post("end", close: true)
        let answers = try await Self.answers([text])
        #expect(answers.map { $0.split(separator: "|").last } == ["0123456789", "12345", "end"])
    }

    @Test("H01: a chunked head that comes again is framed by its chunks")
    func chunked() async throws {
        let head = "POST /a?q=1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        let text = head + "5\r\nhello\r\n0\r\n\r\n" + head + "2\r\nhi\r\n0\r\n\r\n" + Self.post("end", close: true)
        let answers = try await Self.answers([text])
        #expect(answers.map { $0.split(separator: "|").last } == ["hello", "hi", "end"])
    }

    @Test("content that ends early behind a head that was good is answered with 408")
    func cutContent() async throws {
        let configure: (inout HTTPServerConfiguration) -> Void = { $0.bodyIdleTimeout = .milliseconds(100) }
        let statuses = try await LiveServer.run(configure, responder: Self.witness) { live in
            LiveServer.statuses(try await live.exchange(Self.post("hello") + String(Self.post("world").dropLast(2))))
        }
        #expect(statuses == [200, 408])
    }
}
