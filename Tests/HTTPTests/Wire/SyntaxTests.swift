import Testing

@testable import HTTP

/// Request lines and fields that strict parsers refuse: llhttp's invalid cases by meaning, the HTTP Garden's, ours.
@Suite struct SyntaxTests {
    static let lines = [
        "GET / HTTP/1.1\n", "GET / HTTP/1.1\r", "GET / HTTP/1.1\rX", "GET  / HTTP/1.1\r\n", "GET /  HTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n", "GET /\tHTTP/1.1\r\n", " GET / HTTP/1.1\r\n", "\tGET / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n", "GET / HTTP/1.1\t\r\n", "GET / HTTP/1.1x\r\n", "GET /HTTP/1.1\r\n", "GET HTTP/1.1\r\n",
        "GET / \r\n", "GET /\r\n", "GET\r\n", "/ HTTP/1.1\r\n", "GET / http/1.1\r\n", "GET / Http/1.1\r\n",
        "GET / HTTP/1\r\n", "GET / HTTP/1.\r\n", "GET / HTTP/.1\r\n", "GET / HTTP/11\r\n", "GET / HTTP/1.10\r\n",
        "GET / HTTP/01.1\r\n", "GET / HTTP/1.2\r\n", "GET / HTTP/2.0\r\n", "GET / HTTP/3.0\r\n", "GET / HTTP/0.9\r\n",
        "GET / HTTP/5.6\r\n", "GET / HTTP/1,1\r\n", "GET / HTTP\\1.1\r\n", "GET / HTTPS/1.1\r\n", "GET / RTSP/1.0\r\n",
        "GET / ICE/1.0\r\n", "GET / HTTP/+1.1\r\n", "GET / HTTP/1.-1\r\n", "GET / HTTP/1.1,\r\n", "GET / HTTP 1.1\r\n",
        "get / HTTP/1.1\r\n", "Get / HTTP/1.1\r\n", "gET / HTTP/1.1\r\n", "GET\u{00} / HTTP/1.1\r\n",
        "G\u{00}ET / HTTP/1.1\r\n", "G\u{E9}T / HTTP/1.1\r\n", "G(T / HTTP/1.1\r\n", "G:T / HTTP/1.1\r\n",
        "\"GET\" / HTTP/1.1\r\n", "G=T / HTTP/1.1\r\n", "GE\u{7F}T / HTTP/1.1\r\n", "GET /\u{00} HTTP/1.1\r\n",
        "GET /\u{01} HTTP/1.1\r\n", "GET /\u{7F} HTTP/1.1\r\n", "GET /\u{E9} HTTP/1.1\r\n",
        "GET /a\u{0B}b HTTP/1.1\r\n",
        "GET /a\u{0C}b HTTP/1.1\r\n", "GET a HTTP/1.1\r\n", "GET ?a HTTP/1.1\r\n", "GET ../a HTTP/1.1\r\n",
        "GET ftp://localhost/ HTTP/1.1\r\n", "GET localhost:80 HTTP/1.1\r\n", "GET * HTTP/1.1\r\n",
        "GET /a#b HTTP/1.1\r\n", "GET #a HTTP/1.1\r\n", "GET /a b HTTP/1.1\r\n", "\r\nGET / HTTP/1.1\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n", "\nGET / HTTP/1.1\r\n", "\u{FEFF}GET / HTTP/1.1\r\n", "M-SEARCH * HTTP/1.1x\r\n",
        "PRI * HTTP/2.0\r\n", "\u{16}\u{03}\u{01}\u{02}\u{00}\r\n", "GET / HTTP/1.1\r\r\n", "GET / HTTP/1.1\n\r\n",
        "GET @ HTTP/1.1\r\n", "GET http://@/ HTTP/1.1\r\n", "GET http:/// HTTP/1.1\r\n", "GET http:a HTTP/1.1\r\n",
        "GET //localhost/ HTTP/1.1\r\n", "GET http://localhost:99999/ HTTP/1.1\r\n",
        "GET http://user@localhost/ HTTP/1.1\r\n",
    ]

    static let fields = [
        "X-A: b\nX-B: c\r\n", "X-A: b\rX-B: c\r\n", "X-A: b\r\n c\r\n", "X-A: b\r\n\tc\r\n", "X-A:\r\n b\r\n",
        "X-A: \r\n \r\n", "X-A: b\r\n \r\n", " X-A: b\r\n", "\tX-A: b\r\n", "X-A : b\r\n", "X-A\t: b\r\n", "X A: b\r\n",
        ": b\r\n", "X-A\r\n", "X-A b\r\n", "X-A\u{00}: b\r\n", "X-\u{E9}: b\r\n", "X-A\u{A0}: b\r\n", "X(A): b\r\n",
        "X\"A: b\r\n", "X/A: b\r\n", "X[A]: b\r\n", "X{A}: b\r\n", "X=A: b\r\n", "X@A: b\r\n", "X,A: b\r\n",
        "X;A: b\r\n",
        "X<A: b\r\n", "X?A: b\r\n", "X\\A: b\r\n", "X\u{7F}A: b\r\n", "X\u{0B}A: b\r\n", "X-A: b\u{00}c\r\n",
        "X-A: b\u{01}c\r\n", "X-A: b\u{0B}c\r\n", "X-A: b\u{0C}c\r\n", "X-A: b\u{1B}c\r\n", "X-A: b\u{7F}c\r\n",
        "X-A: \u{00}\r\n", "X-A: b\r\r\n", "X-A: b\r\u{00}\r\n", "\u{00}\r\n", "\r: b\r\n", "X-A: b\n\r\n",
        "Foo\r\n: b\r\n", "Content-Length : 0\r\n", "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\u{0B}: chunked\r\n",
        "Host: other\r\n", "Host:\r\n", "Connection: \"a\"\r\n", "Connection: host\r\n",
        "Connection: Authorization\r\n",
        "Connection: close, origin\r\n", "Expect: 200-ok\r\n", "Expect: 100-continue, x\r\n",
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: identity, br\r\n", "Content-Encoding: \r\n",
    ]

    @Test("H05: broken request lines are refused, however they are cut", arguments: lines)
    func line(_ line: String) {
        let verdict = Probe().agree(Array((line + "Host: localhost\r\n\r\n").utf8))
        #expect(verdict?.isRefused == true)
    }

    @Test("H05: broken header fields are refused, however they are cut", arguments: fields)
    func field(_ field: String) {
        for text in [
            "GET / HTTP/1.1\r\nHost: localhost\r\n\(field)\r\n",
            "GET / HTTP/1.1\r\n\(field)Host: localhost\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\n\(field)X-Z: z\r\n\r\n",
        ] {
            #expect(Probe().agree(Array(text.utf8))?.isRefused == true, "\(text)")
        }
    }

    @Test("H05: bytes above 0x7F never stand in a name, and in a value only as UTF-8", arguments: UInt8(0x80)...0xFF)
    func highBytes(_ byte: UInt8) {
        let head = Array("GET / HTTP/1.1\r\nHost: localhost\r\n".utf8)
        let name = head + Array("X-".utf8) + [byte] + Array(": b\r\n\r\n".utf8)
        let value = head + Array("X-A: ".utf8) + [byte] + Array("\r\n\r\n".utf8)
        #expect(Probe().judge(name) == .refused(400))
        #expect(Probe().judge(value) == .refused(400))
    }

    @Test("H05: all control characters are refused in a value but the tabulator")
    func controls() {
        for byte in Array(UInt8(0)..<32) + [127] where byte != 9 {
            let head = Array("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b".utf8)
            #expect(Probe().judge(head + [byte] + Array("c\r\n\r\n".utf8)) == .refused(400), "\(byte)")
        }
        #expect(Probe().judge("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\tc\r\n\r\n").isAdmitted)
    }

    @Test("H05: sound requests are admitted, however they are cut")
    func sound() {
        let text =
            "GET /demo/mcp?a=1&b=%20 HTTP/1.1\r\nhOST: LocalHost:8080\r\nX-A:\t b c \t\r\nX-Empty:\r\n"
            + "X-U: \u{E9}\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n"
        let expected = Verdict.admitted(
            method: "GET", path: "/demo/mcp", query: "a=1&b=%20", authority: "localhost:8080",
            fields: ["host: LocalHost:8080", "x-a: b c", "x-empty: ", "x-u: \u{E9}"], content: [])
        #expect(Probe().agree(Array(text.utf8)) == expected)
    }

    @Test(
        "H06: Host is there once and well-formed",
        arguments: [
            "", "a b", "a/b", "a@b", "a:b", "a:0", "a:65536", "a:080", "a:", "[::1", "::1", "[::1]x", "[::1]:",
            "[v1.a]",
            "a..b", ".a", "a.", "-a", "a-", "127.1", "0x7f.1", "0177.0.0.1", "1.2.3.4.5", "256.1.1.1", "a,b", "a;b",
            "a#b", "a?b", "a\\b", "a%41", "\u{E9}.com", "[fe80::1%25eth0]", "*", "a_b!",
        ])
    func malformedHost(_ host: String) {
        #expect(Probe().judge("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .refused(400))
    }

    @Test("H06: Host missing or repeated is refused, also on HTTP/1.0")
    func hostCount() {
        #expect(Probe().judge("GET / HTTP/1.1\r\n\r\n") == .refused(400))
        #expect(Probe().judge("GET / HTTP/1.0\r\n\r\n") == .refused(400))
        #expect(Probe().judge("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == .refused(400))
        #expect(Probe().judge("GET http://a/ HTTP/1.1\r\n\r\n") == .refused(400))
    }

    @Test(
        "H10: tunnels, TRACE and unknown methods are not implemented",
        arguments: [
            "CONNECT localhost:443 HTTP/1.1", "CONNECT / HTTP/1.1", "TRACE / HTTP/1.1", "PROPFIND / HTTP/1.1",
            "M-SEARCH * HTTP/1.1", "QUERY / HTTP/1.1", "BREW / HTTP/1.1", "PATCHY / HTTP/1.1", "GE / HTTP/1.1",
        ])
    func methods(_ line: String) {
        #expect(Probe().judge("\(line)\r\nHost: localhost\r\n\r\n") == .refused(501))
    }

    @Test(
        "H10: the absolute form must name the same host",
        arguments: [
            ("http://localhost/a", true), ("HTTP://LOCALHOST/a", true), ("https://localhost/a", true),
            ("http://evil/a", false), ("http://localhost:80/a", false), ("http://localhost.evil/a", false),
        ])
    func absoluteForm(_ target: String, _ isAdmitted: Bool) {
        let verdict = Probe().judge("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(verdict.isAdmitted == isAdmitted)
        if !isAdmitted { #expect(verdict == .refused(400)) }
    }

    @Test(
        "H10: offers to upgrade and hop-by-hop fields do not reach a handler",
        arguments: [
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            "Upgrade: websocket\r\nConnection: upgrade\r\n", "Proxy-Connection: keep-alive\r\n", "Keep-Alive: 5\r\n",
            "TE: trailers\r\n", "Trailer: X\r\n", "Connection: X-Secret\r\nX-Secret: 1\r\n",
            "X-Secret: 1\r\nConnection: close, x-secret\r\n", "Proxy-Authorization: Basic x\r\n",
        ])
    func hopByHop(_ fields: String) {
        let verdict = Probe().judge("GET / HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        guard case .admitted(_, _, _, _, let found, _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(found == ["host: localhost"])
    }

    @Test(
        "R07: what says on whose behalf somebody asks cannot be called hop-by-hop, in no spelling",
        arguments: [
            "X-User-Id", "x_user_id", "X.User-Name", "X-USER_EMAIL", "X-Client-Id", "X-Scope", "x-auth_token",
            "X-Sallyport-Identity", "X-Forwarded-For", "X_Forwarded_Host", "Forwarded", "keep-alive, X_User_Id",
        ])
    func identityIsNoHop(_ names: String) {
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: \(names)\r\nX_User_Id: mallory\r\n\r\n"
        #expect(Probe().judge(head) == .refused(400))
    }

    @Test("H07: lines, fields, heads and counts beyond their bounds")
    func oversize() {
        let host = "Host: localhost\r\n"
        let long = String(repeating: "a", count: 8192)
        #expect(Probe().judge("GET /\(long) HTTP/1.1\r\n\(host)\r\n") == .refused(414))
        #expect(Probe().judge("GET /\(long.prefix(8000))") == .incomplete)
        #expect(Probe().judge("GET /\(long)\(long)") == .refused(414))
        #expect(Probe().judge(String(repeating: "A", count: 9000)) == .refused(414))
        #expect(Probe().judge("GET / HTTP/1.1\r\n\(host)X-A: \(long)\r\n\r\n") == .refused(431))
        #expect(Probe().judge("GET / HTTP/1.1\r\n\(host)X-A: \(long.dropLast(10))\r\n\r\n").isAdmitted)
        let many = (0..<100).map { "X-\($0): a\r\n" }.joined()
        #expect(Probe().judge("GET / HTTP/1.1\r\n\(host)\(many)\r\n") == .refused(431))
        #expect(Probe().judge("GET / HTTP/1.1\r\n\(host)\(many.dropLast(9))\r\n\r\n").isAdmitted)
        let large = (0..<5).map { "X-\($0): \(String(repeating: "a", count: 7000))\r\n" }.joined()
        #expect(Probe().judge("GET / HTTP/1.1\r\n\(host)\(large)\r\n") == .refused(431))
        #expect(Probe().judge("GET / HTTP/1.1\r\n\(host)\(large)") == .refused(431))
    }

    @Test("H07: many small fields in many pieces do not pass the bound of the head")
    func dripping() {
        let text =
            "GET / HTTP/1.1\r\nHost: localhost\r\n"
            + (0..<90).map { "X-\($0): \(String(repeating: "a", count: 400))\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        let cuts = Array(stride(from: 300, to: bytes.count, by: 300))
        #expect(Probe().judge(bytes) == .refused(431))
        #expect(Probe().judge(bytes, cuts: cuts) == .refused(431))
    }

    @Test("H07: encoded content is refused", arguments: ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"])
    func contentEncoding(_ coding: String) {
        let text = request("Content-Encoding: \(coding)", "Content-Length: 1", content: "x")
        #expect(Probe().judge(text) == .refused(415))
        #expect(Probe().judge(request("Content-Encoding: identity", "Content-Length: 1", content: "x")).isAdmitted)
    }
}
