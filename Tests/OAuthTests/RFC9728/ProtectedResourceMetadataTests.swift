import JSON
import OAuth
import Testing

@Suite struct ProtectedResourceMetadataTests {
    @Test("RFC 9728 §2: the document names the resource, its issuer, its scopes and the header") func document() {
        let metadata = ProtectedResourceMetadata(
            resource: "https://gw.test/a/mcp", authorizationServers: ["https://gw.test"], scopes: ["a", "b"], name: "A")
        #expect(
            String(decoding: metadata.json().serialized(), as: UTF8.self)
                == #"{"resource":"https://gw.test/a/mcp","authorization_servers":["https://gw.test"],"#
                + #""bearer_methods_supported":["header"],"resource_name":"A","scopes_supported":["a","b"]}"#)
    }
}
