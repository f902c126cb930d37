import Testing

@testable import HTTP

@Suite struct ChunkTests {
    static let refused: [String] = [
        "+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5_\r\nhello\r\n0\r\n\r\n",
        "0_5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
        "\t5\r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n00000000000000000\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n", "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "7FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n", "5\r\nhello\r\n0\r\n\n\r\n\r\n", "5\r\nhell\r\n0\r\n\r\n", "g\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n", "5;=x\r\nhello\r\n0\r\n\r\n", "5;a=\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", "5;a=\"\u{00}\"\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n", "5 a\r\nhello\r\n0\r\n\r\n", "5,5\r\nhello\r\n0\r\n\r\n",
        "5.\r\nhello\r\n0\r\n\r\n", "\"5\"\r\nhello\r\n0\r\n\r\n",
        "5;" + String(repeating: "a", count: 5000) + "\r\nhello\r\n0\r\n\r\n",
        String(repeating: "1;" + String(repeating: "a", count: 500) + "\r\nx\r\n", count: 10) + "0\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nhello\r\n0\r\nHost: evil\r\n\r\n", "5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Type: text/html\r\n\r\n", "5\r\nhello\r\n0\r\nCookie: a=b\r\n\r\n",
        "5\r\nhello\r\n0\r\nConnection: close\r\n\r\n", "5\r\nhello\r\n0\r\nOrigin: https://evil\r\n\r\n",
        "5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n", "5\r\nhello\r\n0\r\nX-A : b\r\n\r\n",
        "5\r\nhello\r\n0\r\nX-A\r\n\r\n", "5\r\nhello\r\n0\r\n: b\r\n\r\n", "5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n",
        "5\r\nhello\r\n0 \r\n\r\n", "5\r\nhello\r\n-0\r\n\r\n", "5\u{A0}\r\nhello\r\n0\r\n\r\n",
        "\u{0B}5\r\nhello\r\n0\r\n\r\n", "5\u{00}\r\nhello\r\n0\r\n\r\n",
    ]

    /// What ends early waits for more; a connection that ends there is no complete request either.
    static let incomplete = [
        "", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0", "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n0\r\n\r", "5\r\nhello\r\n0\r\nX-A: b\r\n", "5;a=\"",
    ]

    private func text(_ body: String) -> [UInt8] {
        Array(request("Transfer-Encoding: chunked", content: body).utf8)
    }

    @Test("H04: broken chunks are refused, however they are cut", arguments: refused)
    func malformed(_ body: String) {
        #expect(Probe().agree(text(body)) == .refused(400))
    }

    @Test("H04: a body that stops early is not complete", arguments: incomplete)
    func unfinished(_ body: String) {
        #expect(Probe().agree(text(body)) == .incomplete)
    }

    @Test(
        "H04: sound chunks are read, however they are cut",
        arguments: [
            "5\r\nhello\r\n0\r\n\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "05\r\nhello\r\n000\r\n\r\n",
            "5;a=b\r\nhello\r\n0\r\n\r\n", "5;a=\"b c\"\r\nhello\r\n0;last\r\n\r\n",
            "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
            "0000000000000005\r\nhello\r\n0\r\n\r\n", "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
        ])
    func sound(_ body: String) throws {
        guard case .admitted(_, _, _, _, _, let content) = Probe().agree(text(body)) else {
            Issue.record("refused")
            return
        }
        #expect(content == Array("hello".utf8))
    }

    @Test("H04: hexadecimal digits in both cases")
    func hexadecimal() {
        let body = String(repeating: "x", count: 0xaB)
        let verdict = Probe().agree(text("aB\r\n\(body)\r\n0\r\n\r\n"))
        #expect(verdict?.isAdmitted == true)
    }
}
