import AuthorizationServer
import OAuth
import TestSupport
import Testing

@testable import Sallyport

/// `oauth.clients`.
@Suite struct ClientConfigurationFileTests {
    @Test func clientsOfEveryKind() throws {
        let file = try ConfigurationFile(
            """
            servers: {time: {command: /bin/cat}, notes: {command: /bin/cat}}
            oauth:
              allow_out_of_band: true
              clients:
                - {client_id: web, client_name: Corporate, client_secret: "${WEB_SECRET}", first_party: true,
                   redirect_uris: [https://app.corp.example/cb], scopes: [time, offline_access], resources: [time, /notes/mcp]}
                - {client_id: cli, redirect_uris: ["http://127.0.0.1/callback"], application_type: native}
                - client_id: https://batch.corp.example/client.json
                  grant_types: [client_credentials]
                  jwks: {keys: [{kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo, kid: one}]}
                - {client_id: remote, grant_types: [client_credentials], jwks_uri: https://batch.corp.example/jwks}
                - {client_id: post, client_secret: text of sixteen or more, redirect_uris: [https://a.example/cb],
                   token_endpoint_auth_method: client_secret_post}
            """)
        let oauth = try file.load(["WEB_SECRET": "0123456789abcdef0123456789abcdef"]).oauth
        #expect(oauth.allowsOutOfBand)
        let methods = oauth.clients.map(\.metadata.tokenEndpointAuthMethod)
        #expect(methods == [.clientSecretBasic, .none, .privateKeyJWT, .privateKeyJWT, .clientSecretPost])
        let web = oauth.clients[0]
        #expect(web.id == ClientID("web") && web.isFirstParty && web.isConfidential)
        #expect(web.allowedResources == ["/time/mcp", "/notes/mcp"])
        #expect(web.allowedScope == Scope(tokens: ["time", "offline_access"]))
        #expect(web.metadata.grantTypes == ["authorization_code", "refresh_token"])
        #expect(oauth.clients[1].allowedResources == nil && !oauth.clients[1].isFirstParty)
        #expect(oauth.clients[2].metadata.keys.keys.map(\.id) == ["one"])
        #expect(oauth.clients[3].metadata.keySetURI == "https://batch.corp.example/jwks")
    }

    @Test func keysFromAFile() throws {
        let file = try ConfigurationFile(
            "oauth: {clients: [{client_id: a, grant_types: [client_credentials], jwks: \"file:keys.json\"}]}\n")
        let keys =
            "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
        _ = try file.directory.write("keys.json", keys)
        #expect(try file.load().oauth.clients.first?.metadata.keys.keys.count == 1)
    }

    static let bad: [(String, String, String)] = [
        ("{client_name: x}", "oauth.clients[0]", "\"client_id\" is missing"),
        ("{id: x}", "oauth.clients[0].id", "unknown key"),
        ("{client_id: \"a b\", redirect_uris: [https://a.example/]}", "oauth.clients[0].client_id", "visible ASCII"),
        ("{client_id: x}", "oauth.clients[0]", "redirect_uris"),
        ("{client_id: x, redirect_uris: [\"javascript:alert(1)\"]}", "oauth.clients[0]", "own scheme"),
        ("{client_id: x, redirect_uris: [http://a.example/]}", "oauth.clients[0]", "use https"),
        (
            "{client_id: x, redirect_uris: [https://a.example/], client_secret: \"\"}",
            "oauth.clients[0].client_secret", "empty"
        ),
        (
            "{client_id: x, redirect_uris: [https://a.example/], token_endpoint_auth_method: client_secret_basic}",
            "oauth.clients[0]", "needs client_secret"
        ),
        (
            "{client_id: x, redirect_uris: [https://a.example/], client_secret: yyyyyyyyyyyyyyyyyyy, token_endpoint_auth_method: none}",
            "oauth.clients[0]", "no use"
        ),
        ("{client_id: x, grant_types: [client_credentials]}", "oauth.clients[0]", "client_credentials"),
        ("{client_id: x, grant_types: [password]}", "oauth.clients[0]", "grant_types"),
        (
            "{client_id: x, redirect_uris: [https://a.example/], resources: [tim]}", "oauth.clients[0].resources[0]",
            "no server"
        ),
        ("{client_id: x, jwks: \"{\", grant_types: [client_credentials]}", "oauth.clients[0].jwks", "no JSON"),
        (
            "{client_id: x, grant_types: [client_credentials], jwks: {keys: [{kty: oct, k: AAAA}]}}",
            "oauth.clients[0]",
            "public keys only"
        ),
        (
            "{client_id: x, redirect_uris: [https://a.example/]}, {client_id: x, redirect_uris: [https://a.example/]}",
            "oauth.clients[1]", "twice"
        ),
    ]

    @Test("O03: a client that cannot be is refused with place and reason", arguments: bad.indices)
    func refused(index: Int) throws {
        let (entry, path, text) = Self.bad[index]
        let file = try ConfigurationFile(
            "servers: {time: {command: /bin/cat}}\noauth: {clients: [\(entry)]}\n")
        let errors = file.errors()
        #expect(errors.contains { $0.text.contains("\(path): ") && $0.text.contains(text) }, "\(errors.map(\.text))")
    }
}
