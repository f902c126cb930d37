import Crypto
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

    @Test("RFC 7591 §2: editors register more than they use, and https beside loopback")
    func realRegistrations() throws {
        let editor = try Self.parse(
            #"{"client_name":"Visual Studio Code","client_uri":"https://code.visualstudio.com","grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"],"redirect_uris":["https://insiders.vscode.dev/redirect","https://vscode.dev/redirect","http://127.0.0.1/","http://127.0.0.1:33418/"],"token_endpoint_auth_method":"none","application_type":"native"}"#
        )
        #expect(editor.redirectURIs.count == 4 && editor.applicationType == .native)
        let bare = try Self.parse(#"{"redirect_uris":["https://a/"],"scope":"","client_uri":"","logo_uri":null}"#)
        #expect(bare.tokenEndpointAuthMethod == .clientSecretBasic && bare.scope == nil && bare.clientURI == nil)
        #expect(bare.grantTypes == ["authorization_code"] && bare.responseTypes == ["code"])
    }

    @Test("RFC 7591 §2: keys round trip, and a client without codes needs no redirect URI")
    func keysAndGrants() throws {
        let text =
            #"{"grant_types":["client_credentials"],"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"EdDSA","jwks":{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}]}}"#
        let metadata = try Self.parse(text)
        #expect(metadata.redirectURIs.isEmpty && metadata.responseTypes.isEmpty)
        #expect(metadata.keys.keys.map(\.id) == ["k"] && metadata.tokenEndpointAuthSigningAlgorithm == .edDSA)
        #expect(try ClientMetadata(parsing: JSONDocument(parsing: metadata.json().serialized())) == metadata)
        let byAddress = try Self.parse(
            #"{"redirect_uris":["https://a/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://a/jwks"}"#
        )
        #expect(try ClientMetadata(parsing: JSONDocument(parsing: byAddress.json().serialized())) == byAddress)
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
            (#"{"redirect_uris":["https://a/"],"software_statement":5}"#, .invalidSoftwareStatement),
            (
                #"{"redirect_uris":["https://a/"],"software_statement":"eyJhbGciOiJFUzI1NiJ9.e30.AAAA"}"#,
                .unapprovedSoftwareStatement
            ),
            (#"{"redirect_uris":["http://localhost/"],"application_type":"web"}"#, .invalidRedirectURI),
            (#"{"redirect_uris":["https://127.0.0.1/"],"application_type":"web"}"#, .invalidRedirectURI),
            (#"{"redirect_uris":["com.example.app:/cb"],"application_type":"web"}"#, .invalidRedirectURI),
            (
                #"{"redirect_uris":["https://a/"],"token_endpoint_auth_method":"private_key_jwt"}"#,
                .invalidClientMetadata
            ),
            (
                #"{"redirect_uris":["https://a/"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[]}}"#,
                .invalidClientMetadata
            ),
            (#"{"redirect_uris":["https://a/"],"jwks":{"keys":[]},"jwks_uri":"https://a/"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"jwks_uri":"http://a/"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"jwks_uri":"https://u@a/"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"jwks_uri":"file:///etc/passwd"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"jwks":{"keys":[{"kty":"oct","k":"AA"}]}}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"jwks":[]}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"token_endpoint_auth_signing_alg":"none"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"grant_types":["refresh_token"]}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"scope":"a\"b"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"scope":["a"]}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"grant_types":"authorization_code"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"grant_types":[]}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"response_types":[1]}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"contacts":{"a":"b"}}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/"],"tos_uri":"https://u@a/"}"#, .invalidClientMetadata),
            (#"{"redirect_uris":["https://a/","javascript:alert(1)"]}"#, .invalidRedirectURI),
            (#"{"redirect_uris":["https://a/",null]}"#, .invalidRedirectURI),
        ] as [(String, OAuthError.Code)])
    func refused(text: String, code: OAuthError.Code) {
        #expect(throws: OAuthError(code, "")) { try Self.parse(text) }
    }
}
