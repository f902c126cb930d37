import JSON
import OAuth
import Testing

@Suite struct ClientMetadataTests {
    static func parse(_ text: String) throws -> ClientMetadata {
        try ClientMetadata(parsing: JSONDocument(parsing: Array(text.utf8)))
    }

    @Test func publicClientRoundTrips() throws {
        let text =
            #"{"redirect_uris":["http://127.0.0.1/cb"],"client_name":"X","token_endpoint_auth_method":"none","application_type":"native","grant_types":["authorization_code","refresh_token"],"unknown":1,"scope":"a b"}"#
        let metadata = try Self.parse(text)
        #expect(metadata.tokenEndpointAuthMethod == .none && metadata.applicationType == .native)
        let again = try ClientMetadata(parsing: JSONDocument(parsing: metadata.json().serialized()))
        #expect(again == metadata)
    }

    @Test(
        "A14: wrong metadata is refused with the code for it",
        arguments: [
            (#"[]"#, .invalidClientMetadata), (#"{}"#, .invalidRedirectURI),
            (#"{"redirect_uris":[]}"#, .invalidRedirectURI),
            (#"{"redirect_uris":"x"}"#, .invalidRedirectURI), (#"{"redirect_uris":[1]}"#, .invalidRedirectURI),
            (
                #"{"redirect_uris":["https://a/","https://a/","https://a/","https://a/","https://a/","https://a/","https://a/","https://a/","https://a/","https://a/","https://a/"]}"#,
                .invalidRedirectURI
            ),
            (#"{"redirect_uris":["https://a/"],"grant_types":["password"]}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"response_types":["token"]}"#, .invalidClientMetadata),
            (
                #"{"redirect_uris":["https://a/"],"token_endpoint_auth_method":"tls_client_auth"}"#,
                .invalidClientMetadata
            ),
            (#"{"redirect_uris":["https://a/"],"application_type":"other"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"client_name":1}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"logo_uri":"javascript:alert(1)"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"client_uri":"data:x"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"software_statement":"x.y.z"}"#, .invalidSoftwareStatement),
            (#"{"redirect_uris":["https://a/"],"scope":"a\"b"}"#, .invalidScope),
        ] as [(String, OAuthError.Code)])
    func refused(text: String, code: OAuthError.Code) {
        #expect(throws: OAuthError(code, "")) { try Self.parse(text) }
    }
}
