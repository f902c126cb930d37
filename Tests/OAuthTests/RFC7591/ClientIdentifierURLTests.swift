import HTTP
import OAuth
import Testing

/// Client identifiers that are addresses.
@Suite struct ClientIdentifierURLTests {
    @Test(arguments: [
        "https://client.test/a", "https://client.test:8443/a/b.json", "https://client.test/a/",
        "https://client.test/a..b",
        "https://client.test/%41", "https://xn--bcher-kva.test/a", "https://client.test/.well-known/client",
    ])
    func accepted(text: String) {
        #expect(ClientIdentifierURL(ClientID(text))?.url.text == text)
    }

    @Test(
        "A15: anything else is no address of a client",
        arguments: [
            "http://client.test/a", "HTTPS://client.test/a", "https://client.test", "https://client.test/",
            "https://client.test?a", "https://client.test/a?b", "https://client.test/a#", "https://u@client.test/a",
            "https://u:p@client.test/a", "https://client.test/../a", "https://client.test/a/..",
            "https://client.test/./a",
            "https://client.test/%2e%2e/a", "https://client.test/%2E./a", "https://client.test/a b",
            "https://client.test/é",
            "https://client.test/%zz", "https://client.test\\a", "https://*.client.test/a", "https:///a", "client_abc",
            "",
            "https://client.test/" + String(repeating: "a", count: 2048),
        ])
    func refused(text: String) {
        #expect(ClientIdentifierURL(ClientID(text)) == nil)
    }
}
