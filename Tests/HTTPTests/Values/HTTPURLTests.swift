import Testing

@testable import HTTP

@Suite struct HTTPURLTests {
    @Test("URLs are taken apart")
    func parts() throws {
        let url = try HTTPURL("HTTPS://Example.COM:8443/a/b%20c;d?x=1&y#frag")
        #expect(url.scheme == .https)
        #expect(url.host == .name("example.com"))
        #expect(url.explicitPort == 8443)
        #expect(url.path == "/a/b%20c;d")
        #expect(url.query == "x=1&y")
        #expect(url.fragment == "frag")
        #expect(url.origin == "https://example.com:8443")
        #expect(url.requestTarget == "/a/b%20c;d?x=1&y")
        #expect(try HTTPURL("http://[::1]").origin == "http://[::1]")
        #expect(try HTTPURL("http://127.0.0.1:80/").origin == "http://127.0.0.1")
        #expect(try HTTPURL("https://a?b").requestTarget == "/?b")
        #expect(try HTTPURL("http://a_b.example-c.d/").host == .name("a_b.example-c.d"))
    }

    @Test(
        "URLs that are not plain are refused",
        arguments: [
            ("", HTTPURLError.scheme), ("ftp://a/", .scheme), ("http:/a", .scheme), ("http:a", .scheme),
            ("//a", .scheme),
            ("javascript:alert(1)", .scheme), ("http//a", .scheme), (" http://a", .scheme), ("http://", .scheme),
            ("http://u@a/", .userInformation), ("http://a@b@c/", .userInformation), ("http://u:p@a/", .userInformation),
            ("http:///a", .host), ("http://?a", .host), ("http://a..b/", .host), ("http://a./", .host),
            ("http://-a/", .host),
            ("http://a b/", .host), ("http://a\\b/", .host), ("http://%61/", .host), ("http://\u{E9}.com/", .host),
            ("http://a\u{3002}b/", .host), ("http://127.1/", .host), ("http://0x7f.0.0.1/", .host),
            ("http://2130706433/", .host),
            ("http://0177.0.0.1/", .host), ("http://1.2.3.4.5/", .host), ("http://[::1/", .host),
            ("http://[127.0.0.1]/", .host),
            ("http://[::1%25lo]/", .host), ("http://a\u{00}/", .host), ("http://a\t/", .host), ("http://a.0x1/", .host),
            ("http://a:/", .port), ("http://a:0/", .port), ("http://a:65536/", .port), ("http://a:+80/", .port),
            ("http://a:080/", .port), ("http://a:80:80/", .port), ("http://[::1]80/", .port), ("http://a:8a/", .port),
            ("http://a/b c", .character), ("http://a/\u{E9}", .character), ("http://a/%", .character),
            ("http://a/%2", .character),
            ("http://a/%zz", .character), ("http://a/\"", .character), ("http://a/\\b", .character),
            ("http://a/<b>", .character),
            ("http://a/b?c d", .character), ("http://a/b?%z", .character), ("http://a/b#c#d", .character),
            ("http://a/\r\nb", .character),
        ])
    func refused(_ text: String, _ error: HTTPURLError) {
        #expect(throws: error) { try HTTPURL(text) }
    }

    @Test("every prefix of a URL is read or refused, never a trap")
    func prefixes() {
        let text = Array("https://u@[::1%25]:80\\..;%2f//%e9?#%".utf8)
        for start in text.indices {
            for end in start...text.count {
                _ = try? HTTPURL(String(decoding: text[start..<end], as: UTF8.self))
            }
        }
        #expect(throws: HTTPURLError.tooLong) { try HTTPURL("http://a/" + String(repeating: "a", count: 9000)) }
    }

    @Test("HTML text has no markup left")
    func html() {
        #expect(
            HTMLText.escape("<a href=\"x\" onclick='y'>&amp;")
                == "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;amp;")
    }
}
