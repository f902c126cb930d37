import AuthorizationServer
import Foundation
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Sallyport

@Suite("Configuration of identity assertions")
struct IdentityAssertionConfigurationTests {
    private static let login = """
        login:
          providers:
            - {type: okta, issuer: https://acme.okta.com, client_id: c, client_secret: long enough secret,
               allow: {groups: [engineering]}}
            - {type: github, client_id: c, client_secret: long enough secret}

        """

    @Test("a provider of the logins brings its users along; another issuer says who may come in itself")
    func providers() throws {
        let file = try ConfigurationFile(
            Self.login + """
                oauth:
                  clients:
                    - {client_id: agent, client_secret: 0123456789abcdef0123456789abcdef,
                       grant_types: ["urn:ietf:params:oauth:grant-type:jwt-bearer"]}
                  identity_assertions:
                    - {provider: okta, clients: [agent], tenant: t1}
                    - issuer: https://idp.example.com
                      jwks_uri: https://keys.example.com/jwks
                      clients: ["*"]
                      groups_claim: roles
                      user_claim: upn
                      allow: {users: [alice], groups: [ops]}
                """)
        let oauth = try file.load().oauth
        let entries = oauth.identityAssertions
        #expect(entries.map(\.id) == ["okta", "enterprise"])
        #expect(entries.map(\.issuer.text) == ["https://acme.okta.com", "https://idp.example.com"])
        #expect(entries.first?.clients == [ClientID("agent")] && entries.last?.clients == nil)
        #expect(entries.first?.tenant == "t1" && entries.first?.keySetURI == nil)
        #expect(entries.first?.allowList == AllowList(keys: [AccessKey(.group, "engineering")]))
        #expect(entries.last?.keySetURI?.text == "https://keys.example.com/jwks")
        #expect(entries.last?.claims.groupsClaim == "roles" && entries.last?.claims.userClaim == .exact("upn"))
        #expect(entries.last?.allowList == AllowList(keys: [AccessKey(.user, "alice"), AccessKey(.group, "ops")]))
        #expect(AuthorizationServerConfiguration(try file.load()).grants.acceptsIdentityAssertions)
        let silent = try ConfigurationFile(Self.login)
        #expect(!AuthorizationServerConfiguration(try silent.load()).grants.acceptsIdentityAssertions, "off by default")
    }

    @Test(
        "ID-JAG: what would let the wrong ones in is refused with its place",
        arguments: [
            ("[{provider: okta}]", "oauth.identity_assertions[0].clients"),
            ("[{provider: okta, clients: []}]", "oauth.identity_assertions[0].clients"),
            ("[{provider: github, clients: [a]}]", "oauth.identity_assertions[0].provider"),
            ("[{provider: nobody, clients: [a]}]", "oauth.identity_assertions[0].provider"),
            ("[{provider: okta, clients: [a], allow: {users: ['*']}}]", "oauth.identity_assertions[0].allow"),
            ("[{provider: okta, clients: [a], issuer: https://a.test}]", "oauth.identity_assertions[0].issuer"),
            ("[{clients: [a]}]", "oauth.identity_assertions[0].issuer"),
            ("[{issuer: http://idp.test, clients: [a]}]", "oauth.identity_assertions[0].issuer"),
            (
                "[{issuer: https://idp.test, jwks_uri: http://idp.test/k, clients: [a]}]",
                "oauth.identity_assertions[0].jwks_uri"
            ),
            ("[{issuer: https://acme.okta.com, clients: [a]}]", "oauth.identity_assertions[0]"),
            ("[{issuer: https://idp.test, id: okta, clients: [a]}]", "oauth.identity_assertions[0]"),
            ("[{issuer: https://idp.test, id: A/B, clients: [a]}]", "oauth.identity_assertions[0].id"),
            ("[{issuer: https://mcp.example.com, clients: [a]}]", "oauth.identity_assertions[0]"),
            (
                "[{issuer: https://idp.test, clients: [a]}, {issuer: https://idp.test, id: b, clients: [a]}]",
                "oauth.identity_assertions[1]"
            ),
            (
                "[{issuer: https://idp.test, clients: [a]}, {issuer: https://other.test, clients: [a]}]",
                "oauth.identity_assertions[1]"
            ),
        ])
    func refusals(entries: String, place: String) throws {
        let file = try ConfigurationFile(
            "public_url: https://mcp.example.com\n" + Self.login + "oauth: {identity_assertions: \(entries)}\n")
        let error = #expect(throws: ConfigurationError.self) { try file.load() }
        #expect(error?.errors.map(\.path.description) == [place], "\(error?.errors ?? [])")
    }

    @Test("without a server of our own nobody could show an assertion")
    func noServer() throws {
        let file = try ConfigurationFile(
            "oauth: {external_issuers: [{issuer: https://a.test}], "
                + "identity_assertions: [{issuer: https://idp.test, clients: [a]}]}\n")
        let error = #expect(throws: ConfigurationError.self) { try file.load() }
        #expect(error?.errors.map(\.path.description) == ["oauth.identity_assertions"])
    }

    @Test("ID-JAG: a public client cannot have the grant, and one that is named and lacks it is told of")
    func clients() throws {
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        let open = try ConfigurationFile("oauth: {clients: [{client_id: a, grant_types: [\"\(grant)\"]}]}\n")
        let error = #expect(throws: ConfigurationError.self) { try open.load() }
        #expect(error?.errors.map(\.path.description) == ["oauth.clients[0]"])
        let lacking = try ConfigurationFile(
            Self.login + """
                oauth:
                  clients: [{client_id: a, client_secret: 0123456789abcdef, redirect_uris: [https://a.test/cb]}]
                  identity_assertions: [{provider: okta, clients: [a]}]
                """)
        #expect(try lacking.load().notices.contains { $0.text.contains(grant) })
    }
}
