import AsyncIO
import Testing

@testable import HTTP

/// What proxies say, and whom we believe.
@Suite struct ForwardedTests {
    private let proxies = TrustedProxies(["10.0.0.0/8", "127.0.0.1", "fd00::/8"].compactMap { CIDR($0) })

    private func request(_ peer: String, _ fields: [(String, String)]) throws -> HTTPRequest {
        var head = HTTPFields()
        for (name, value) in fields { head.append(try #require(HTTPFieldName(validating: name)), value) }
        return HTTPRequest(path: "/verify", fields: head, remoteAddress: try SocketAddress(ip: peer, port: 4000))
    }

    private func target(_ scheme: String?, _ host: String?, _ uri: String?) throws -> ForwardedTarget? {
        let given = [("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host), ("X-Forwarded-Uri", uri)]
        let fields = given.compactMap { name, value in value.map { (name, $0) } }
        return proxies.read(try request("10.1.2.3", fields)).forwarded?.target
    }

    @Test("R07: X-Forwarded-* of a peer that nobody named count for nothing")
    func strangers() throws {
        let fields = [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "a.test"), ("X-Forwarded-Uri", "/mcp")]
        for peer in ["11.0.0.1", "127.0.0.2", "192.168.0.1", "::1", "fe80::1"] {
            let read = proxies.read(try request(peer, fields))
            #expect(read.forwarded == nil && read.remoteAddress.ip == peer)
            #expect(TrustedProxies().read(read).forwarded == nil)
        }
        let read = proxies.read(try request("::ffff:10.0.0.9", fields))
        #expect(read.forwarded?.host == "a.test" && read.remoteAddress.ip == "1.2.3.4")
        #expect(read.peerAddress.ip == "::ffff:10.0.0.9")
        let unix = HTTPRequest(path: "/", remoteAddress: .unix(path: "/run/x"))
        #expect(proxies.read(unix).forwarded == nil)
    }

    @Test(
        "R07: the client is the last address that no proxy of ours added",
        arguments: [
            (["1.1.1.1"], "1.1.1.1"), (["6.6.6.6, 1.1.1.1"], "1.1.1.1"), (["6.6.6.6, 1.1.1.1, 10.0.0.7"], "1.1.1.1"),
            (["6.6.6.6", "1.1.1.1"], "1.1.1.1"), (["10.0.0.7, 10.0.0.8"], "10.0.0.7"), (["2001:db8::1"], "2001:db8::1"),
            (["[2001:db8::1]:99"], "2001:db8::1"), (["1.1.1.1:99"], "1.1.1.1"), (["unknown"], "10.1.2.3"),
            (["1.1.1.1, unknown"], "10.1.2.3"), ([], "10.1.2.3"),
        ])
    func client(lines: [String], expected: String) throws {
        let read = proxies.read(try request("10.1.2.3", lines.map { ("X-Forwarded-For", $0) }))
        #expect(read.remoteAddress.ip == expected)
    }

    @Test("a forwarded address is one origin and one canonical path")
    func plainTargets() throws {
        let plain = try #require(try target("https", "MCP.example.com:443", "/mcp?x=1"))
        #expect(plain.origin == "https://mcp.example.com" && plain.path == "/mcp")
        #expect(try target("wss", "a.test:8443", "/%6dcp")?.origin == "https://a.test:8443")
        #expect(try target("http", "127.0.0.1:9000", "/%6dcp")?.path == "/mcp")
        #expect(plain.isWithin(origin: "https://mcp.example.com", path: ""))
        #expect(plain.isWithin(origin: "https://mcp.example.com", path: "/mcp"))
        #expect(!plain.isWithin(origin: "https://mcp.example.com", path: "/mc"))
        #expect(!plain.isWithin(origin: "https://mcp.example.com", path: "/mcp/x"))
        #expect(!plain.isWithin(origin: "http://mcp.example.com", path: "/mcp"))
    }

    static let crooked: [String] = [
        "/../mcp", "/mcp/..", "/mcp/../x", "/mcp/%2e%2e/x", "/mcp/%2E./x", "/mcp/.%2e/x", "//mcp", "/mcp//x", "/./mcp",
        "/mcp/.", "/mcp%2fx", "/mcp%2Fx", "/mcp%5cx", "/mcp\\x", "/mcp;x=1", "/mcp%3bx", "/mcp%00", "/mcp%", "/mcp%2",
        "/mcp%zz", "/%252e%252e/x", "/mcp#x", "/mcp%23", "mcp", "", "http://a.test/mcp", "https://a.test/mcp",
        "a.test:443", "*", "/mcp x", "/mcp%20x", "/m\u{E9}", "/mcp%c0%ae", "/mcp/..;/x", "?x", "/mcp?x#y",
    ]

    @Test("R06: forwarded paths that two servers might read in two ways are no address", arguments: crooked)
    func crookedPaths(uri: String) throws {
        #expect(try target("https", "a.test", uri) == nil)
    }

    @Test("R06: nothing missing, nothing twice, nothing odd in scheme and host")
    func crookedOrigins() throws {
        for (scheme, host, uri) in [
            (nil, "a.test", "/"), ("https", nil, "/"), ("https", "a.test", nil), ("ftp", "a.test", "/"),
            ("https, http", "a.test", "/"), ("https", "a.test, b.test", "/"), ("https", "a@b.test", "/"),
            ("https", "a.test:0", "/"), ("https", "a.test:99999", "/"), ("https", "a.test/", "/"),
            ("https", "", "/"), ("", "a.test", "/"), ("HTTPS", "a.test", "/"),
        ] as [(String?, String?, String?)] {
            #expect(try target(scheme, host, uri) == nil, "\(scheme ?? "-") \(host ?? "-") \(uri ?? "-")")
        }
        let twice = try request(
            "10.0.0.1",
            [
                ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.test"), ("X-Forwarded-Uri", "/a"),
                ("x-forwarded-uri", "/b"),
            ])
        #expect(proxies.read(twice).forwarded?.target == nil)
        #expect(CanonicalPath.isPlain("/mcp") && !CanonicalPath.isPlain("/m%63p") && !CanonicalPath.isPlain("/a?b"))
    }

    @Test("R07: every spelling that some server folds to the name is found, and removed")
    func spellings() throws {
        let spelling = FieldNameSpelling("X-User-Id")
        for name in ["X-User-Id", "x-user-id", "X_User_Id", "x.user.id", "X-User_Id", "X_USER-ID", "X.User-Id"] {
            var fields = HTTPFields()
            fields.append("Accept", "*/*")
            fields.append(try #require(HTTPFieldName(validating: name)), "mallory")
            #expect(fields.contains(spelling))
            #expect(fields.contains(spelling, exceptExact: true) == name.contains { "_.".contains($0) })
            fields.removeAll(spelling)
            #expect(fields.count == 1 && fields["accept"] == "*/*")
        }
        let others: HTTPFields = ["X-User-Ids": "1", "X-UserId": "1", "User-Id": "1", "X--User-Id": "1"]
        #expect(!others.contains(spelling))
    }
}
