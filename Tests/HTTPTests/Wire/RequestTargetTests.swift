import Testing

@testable import HTTP

@Suite struct RequestTargetTests {
    /// Forms that some program or other reads as `/b/mcp`, or as a path without protection.
    static let refused = [
        "/a/../b/mcp", "/a/%2e%2e/b/mcp", "/a/%2E%2E/b/mcp", "/a/.%2e/b/mcp", "/a/%2e./b/mcp", "/a/..%2fb/mcp",
        "/a/..%2Fb/mcp", "/a%2f..%2fb/mcp", "/a/..;/b/mcp", "/a;/b/mcp", "/a;x=y/mcp", "/b/mcp;", "/b/mcp;jsessionid=1",
        "/b/mcp%3b", "/b;%2f../mcp", "/a/..\\b/mcp", "/a\\..\\b\\mcp", "\\b\\mcp", "/a/%5c../b/mcp", "/%5cb/mcp",
        "//b/mcp", "///b/mcp", "/b//mcp", "/b///mcp", "/a/./b/mcp", "/./b/mcp", "/b/./mcp", "/b/mcp/.", "/b/mcp/..",
        "/..", "/.", "/../", "/./", "/../../etc/passwd", "/b/mcp%00", "/b%00/mcp", "/b/mcp%00.json", "/%00b/mcp",
        "/b/mcp%23", "/b/mcp#", "/b/mcp#x", "/b%23/mcp", "/b/mcp%3f", "/b/mcp%3Fx=y", "/b%2fmcp", "/b%2Fmcp",
        "/b%252fmcp",
        "/%252e%252e/b/mcp", "/a/%252e%252e/b/mcp", "/b/%256dcp", "/%25%36%32/mcp", "/b/mcp%", "/b/mcp%2", "/b/mcp%zz",
        "/b/mcp%2g", "/b/mcp%u0062", "/%u002e%u002e/b", "/b/mcp%20", "/b/mcp%09", "/b/mcp%0a", "/b/mcp%0d%0a",
        "/%20b/mcp",
        "/b/mcp%c0%ae", "/%c0%ae%c0%ae/b/mcp", "/%c0%afb/mcp", "/%e0%80%afb/mcp", "/%ef%bc%8fb/mcp", "/b/mcp%ff",
        "/%EF%BC%8E%EF%BC%8E/b", "/b/mcp\u{2215}", "/\u{FF0F}b/mcp", "/b/m\u{0441}p", "/b/mcp%e2%80%8b",
        "/b/mcp%ef%bb%bf",
        "/b/mcp%7f", "/b/mcp\u{7F}", "/b/mcp%22", "/b/mcp\"", "/b/mcp<", "/b/mcp>", "/b/mcp|", "/b/mcp^", "/b/mcp`",
        "/b/{mcp}", "/b/[mcp]", "/b/mcp%5b", "/b/mcp%40", "/b/mcp%3a", "/b/mcp%2b", "/b/mcp%26", "/b/mcp%3d",
        "/b/mcp%21",
        "b/mcp", "", "%2fb/mcp", "%2f/b/mcp", ".", "..", "/%2e", "/%2e/", "/%2e%2e", "/b/%2e/mcp", "http:///b/mcp",
        "http://localhost//b/mcp", "http://localhost/../b/mcp", "http://localhost\\b\\mcp", "//localhost/b/mcp",
        "/b/mcp/%2e%2e%2fmcp", "/a/mcp/..%5c..%5cb/mcp", "/b/%6d%63%70%2f", "/%62%2f%6d%63%70", "/b/mcp%2e%00",
        "/b/mcp/%2e", "/.%2fb/mcp", "/b/mcp%c2%a0", "/b/.%00./mcp", "/b/%2%65", "/b/mcp%%32%65", "/%%32%65%%32%65/b",
    ]

    @Test("R06: ambiguous paths are refused", arguments: refused)
    func ambiguous(_ target: String) {
        #expect(Probe().judge("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n") == .refused(400))
    }

    @Test("R06: there are at least 120 forms, all different")
    func count() {
        #expect(Set(Self.refused.map { Array($0.utf8) }).count == Self.refused.count)
        #expect(Self.refused.count + Self.canonical.count >= 120)
    }

    static let canonical = [
        ("/", "/"), ("/b/mcp", "/b/mcp"), ("/b/%6dcp", "/b/mcp"), ("/%62/%6D%63%70", "/b/mcp"), ("/b/mcp/", "/b/mcp/"),
        ("/.well-known/x", "/.well-known/x"), ("/%2ewell-known/x", "/.well-known/x"), ("/b/m%2dcp", "/b/m-cp"),
        ("/b/mcp%7e", "/b/mcp~"), ("/b/...", "/b/..."), ("/b/..x", "/b/..x"), ("/B/mcp", "/B/mcp"),
        ("/b/mcp%41", "/b/mcpA"),
        ("/a@b:c,d", "/a@b:c,d"), ("/a+b=c&d!$'()*", "/a+b=c&d!$'()*"), ("/%30%39", "/09"),
    ]

    @Test("R06: what is only written differently becomes one path", arguments: canonical)
    func decoded(_ target: String, _ path: String) throws {
        let parsed = try RequestTarget(parsing: Array(target.utf8)[...], method: .get)
        #expect(parsed.path == path)
    }

    @Test(
        "R06: query and fragment are never part of the path",
        arguments: [
            ("/a?/b/mcp", "/a", "/b/mcp"), ("/a??", "/a", "?"), ("/a?../b", "/a", "../b"),
            ("/a?x=%2e%2e", "/a", "x=%2e%2e"),
            ("/a?", "/a", ""), ("/a?;/b", "/a", ";/b"), ("/a?[x]={y}|\\z", "/a", "[x]={y}|\\z"),
        ])
    func query(_ target: String, _ path: String, _ query: String) throws {
        let parsed = try RequestTarget(parsing: Array(target.utf8)[...], method: .get)
        #expect(parsed.path == path)
        #expect(parsed.query == query)
    }

    @Test(
        "R06: a fragment or control character in the query is refused",
        arguments: ["/a?b#c", "/a?b\u{00}", "/a?b\u{7F}", "/a?\u{E9}", "/a?b c"])
    func badQuery(_ target: String) {
        #expect(throws: HTTPRefusal.self) { try RequestTarget(parsing: Array(target.utf8)[...], method: .get) }
    }

    @Test("R06: the asterisk form is for OPTIONS")
    func asterisk() throws {
        #expect(try RequestTarget(parsing: Array("*".utf8)[...], method: .options).path == "*")
        #expect(throws: HTTPRefusal.self) { try RequestTarget(parsing: Array("*".utf8)[...], method: .get) }
    }

    @Test(
        "R06: other headers do not change path or method",
        arguments: [
            "X-Forwarded-Uri: /b/mcp", "X-Original-URL: /b/mcp", "X-Rewrite-URL: /b/mcp",
            "X-HTTP-Method-Override: DELETE",
            "X-HTTP-Method: DELETE", "X-Method-Override: DELETE", "X-Forwarded-Prefix: /b",
            "User-Agent: kube-probe/1.0",
            "Forwarded: for=1;host=evil", "X-Forwarded-Host: evil", "X-Envoy-Original-Path: /b/mcp",
        ])
    func overrides(_ field: String) {
        guard
            case .admitted(let method, let path, _, let authority, _, _) =
                Probe().judge("GET /a HTTP/1.1\r\nHost: localhost\r\n\(field)\r\n\r\n")
        else {
            Issue.record("refused")
            return
        }
        #expect(method == "GET")
        #expect(path == "/a")
        #expect(authority == "localhost")
    }
}
