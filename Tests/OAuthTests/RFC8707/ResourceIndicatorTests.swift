import OAuth
import Testing

@Suite struct ResourceIndicatorTests {
    @Test(
        "A13: a resource is an absolute http or https URI without fragment and query",
        arguments: [
            "", "/a/mcp", "gw.test/a/mcp", "https://gw.test/a#x", "https://gw.test/a#", "https://gw.test/a?x",
            "https://gw.test/a?", "urn:a:b", "https://", "https:///a/mcp", "https:gw.test/a", "https://u@gw.test/",
            "https://gw.test@evil.test/", "https://gw.test\\@evil.test/", "https://gw.test:99999/", "https://gw.test:/",
            "https://gw.test:0443/", "https://gw.test./a", "https://*.gw.test/", "https://gw%2etest/", "https://127.1/",
            "https://0x7f000001/", "https://[::1/", "https://[fe80::1%25eth0]/", "ftp://gw.test/", "file:///a",
            "https://gw.test/\u{E9}", " https://gw.test/", "https://gw.test/ ", "https://gw.test/\n",
            "https://gw.test/%",
            "https://gw.test/%zz",
        ])
    func refused(text: String) {
        #expect(throws: OAuthError(.invalidTarget, "")) { try ResourceIndicator(parsing: text) }
    }

    @Test(
        "A13, a15: scheme, host and default port have one canonical form; path and other ports are significant",
        arguments: [
            ("HTTPS://GW.test:443/a/mcp", true), ("https://gw.test/a/mcp", true), ("https://gw.test/A/mcp", false),
            ("https://gw.test/a/mcp/", false), ("https://gw.test/a//mcp", false), ("https://gw.test/%61/mcp", false),
            ("https://gw.test/x/../a/mcp", false), ("https://gw.test:8443/a/mcp", false),
            ("http://gw.test/a/mcp", false),
            ("https://gw.test.evil.test/a/mcp", false), ("https://gw.test", false), ("https://gw.test/", false),
        ])
    func comparison(text: String, matches: Bool) throws {
        #expect(try ResourceIndicator(parsing: text).matches("https://gw.test/a/mcp") == matches)
    }

    @Test func anOriginWithAndWithoutSlashIsOneResource() throws {
        #expect(try ResourceIndicator(parsing: "https://gw.test/") == ResourceIndicator(parsing: "https://gw.test"))
        #expect(try ResourceIndicator(parsing: "http://[::1]:8080/mcp").text == "http://[::1]:8080/mcp")
    }
}
