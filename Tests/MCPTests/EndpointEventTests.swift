import HTTP
import Testing

@testable import MCP

@Test(
    "d10: where a server of 2024-11-05 is posted to",
    arguments: [
        ("/messages?s=1", "https://a.example:8443/messages?s=1"), ("messages", "https://a.example:8443/x/messages"),
        ("?s=1", "https://a.example:8443/x/sse?s=1"),
        ("https://a.example:8443/m", "https://a.example:8443/m"), ("https://a.example/m", nil),
        ("http://a.example:8443/m", nil), ("https://b.example:8443/m", nil), ("//b.example/m", nil),
        ("https://a.example:8443@b.example/m", nil), ("ftp://a.example/m", nil), ("javascript:1", nil),
        ("/m#f", nil), ("", nil), ("/a b", nil), ("/a\r\nX: y", nil),
        ("messages?to=http://b.example", "https://a.example:8443/x/messages?to=http://b.example"),
    ] as [(String, String?)])
func endpointEvent(reference: String, expected: String?) throws {
    let base = try HTTPURL("https://a.example:8443/x/sse")
    #expect(EndpointEvent.address(Array(reference.utf8), from: base)?.text == expected)
}
