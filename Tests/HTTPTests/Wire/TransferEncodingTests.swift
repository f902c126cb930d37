import Testing

@testable import HTTP

@Suite struct TransferEncodingTests {
    static let chunks = "5\r\nhello\r\n0\r\n\r\n"

    static let refused = [
        ",chunked", "chunked,", "xchunked", "\u{0B}chunked", "chunked, chunked", "chunked,chunked", "\u{A0}chunked",
        "chunked\u{A0}", "identity", "gzip, chunked", "gzip", "chunked, gzip", "chunked, identity", "chunked;q=1",
        "chunked; a=b", "\"chunked\"", "'chunked'", "chunke", "chunkedd", "chun ked", "chunked\u{0C}", "\u{00}chunked",
        "chunked\u{00}", "cow", "", "trailers", "x-chunked", "chunked chunked", "identity, chunked", ", chunked",
        "chun\tked", "chunked,,", "\u{1F}chunked", "chunked\u{7F}", "c\u{212A}unked", "chunKed, cow", "deflate",
    ]

    @Test("H03: anything but one chunked is refused", arguments: refused)
    func malformed(_ value: String) {
        let verdict = Probe().judge(request("Transfer-Encoding: \(value)", content: Self.chunks))
        #expect(verdict == .refused(400))
    }

    @Test("H03: two Transfer-Encoding fields are refused", arguments: ["chunked", "identity", "gzip", "cow", ""])
    func repeated(_ other: String) {
        for pair in [("chunked", other), (other, "chunked")] {
            let text = request("Transfer-Encoding: \(pair.0)", "Transfer-Encoding: \(pair.1)", content: Self.chunks)
            #expect(Probe().judge(text) == .refused(400))
        }
    }

    @Test("H03: the name of the coding has no case", arguments: ["chunked", "Chunked", "CHUNKED", "  chunked\t"])
    func accepted(_ value: String) {
        #expect(Probe().judge(request("Transfer-Encoding: \(value)", content: Self.chunks)).isAdmitted)
    }

    @Test(
        "H01: Content-Length beside Transfer-Encoding is refused, in both orders",
        arguments: ["5", "0", "999"])
    func both(_ length: String) {
        for lines in [
            ["Content-Length: \(length)", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: chunked", "Content-Length: \(length)"],
            ["Transfer-Encoding: identity", "Content-Length: \(length)"],
            ["Content-Length: \(length)", "Transfer-Encoding: gzip"],
        ] {
            #expect(Probe().judge(request(lines[0], lines[1], content: Self.chunks)) == .refused(400))
        }
    }

    @Test("H01: Transfer-Encoding on HTTP/1.0 is refused")
    func oldVersion() {
        let text = "POST /a HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + Self.chunks
        #expect(Probe().judge(text) == .refused(400))
    }
}
