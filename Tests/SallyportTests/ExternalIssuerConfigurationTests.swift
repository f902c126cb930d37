import Foundation
import HTTP
import OAuth
import TestSupport
import Testing

@testable import Sallyport

@Suite("Configuration of external issuers")
struct ExternalIssuerConfigurationTests {
    @Test("issuers arrive where they belong, and stand in the place of our own server unless it is wanted beside")
    func issuers() throws {
        let file = try ConfigurationFile(
            """
            oauth:
              external_issuers:
                - issuer: https://login.example.com/realms/main
                  audiences: [api://mcp]
                  types: [at+jwt, JWT]
                  required_scopes: [mcp]
                  claims: {user: preferred_username, groups: realm_access.roles}
                - issuer: https://other.example.com
                  introspection: {client_id: gateway, client_secret: "${SECRET:-long enough}", cache: 5s}
            """)
        let oauth = try file.load().oauth
        #expect(!oauth.hasAuthorizationServer && oauth.externalIssuers.count == 2)
        let first = try #require(oauth.externalIssuers.first)
        #expect(first.issuer.text == "https://login.example.com/realms/main" && first.verification == .keySet(at: nil))
        #expect(first.types == ["at+jwt", "jwt"] && first.audiences == ["api://mcp"])
        #expect(first.claims.user == ["preferred_username"] && first.claims.groups == ["realm_access.roles"])
        #expect(first.claims.email == ["email"] && !first.acceptsMissingAudience)
        let access = IntrospectionAccess(client: "gateway", secret: "long enough", cache: .seconds(5))
        #expect(oauth.externalIssuers.last?.verification == .introspection(access))
        let beside = try ConfigurationFile(
            "oauth: {authorization_server: true, external_issuers: [{issuer: https://login.example.com}]}\n")
        #expect(try beside.load().oauth.hasAuthorizationServer)
    }

    @Test(
        "what would let the wrong ones in is refused with its place",
        arguments: [
            ("[{issuer: http://login.example.com}]", "oauth.external_issuers[0].issuer"),
            ("[{issuer: https://a.test, types: []}]", "oauth.external_issuers[0].types"),
            ("[{issuer: https://a.test}, {issuer: https://a.test}]", "oauth.external_issuers[1]"),
            ("[{audiences: [x]}]", "oauth.external_issuers[0].issuer"), ("[]", "oauth.external_issuers"),
            (
                "[{issuer: https://a.test, introspection: {client_id: x}}]",
                "oauth.external_issuers[0].introspection.client_secret"
            ),
            (
                "[{issuer: https://a.test, introspection: {client_id: x, client_secret: y, cache: 1h}}]",
                "oauth.external_issuers[0].introspection.cache"
            ),
            (
                "[{issuer: https://a.test, introspection: {client_id: x, client_secret: y}}, "
                    + "{issuer: https://b.test, introspection: {client_id: x, client_secret: y}}]",
                "oauth.external_issuers[1]"
            ),
            (
                "[{issuer: https://a.test, jwks_uri: https://a.test/k, introspection: {client_id: x, client_secret: y}}]",
                "oauth.external_issuers[0].jwks_uri"
            ),
        ])
    func refusals(issuers: String, place: String) throws {
        let file = try ConfigurationFile("oauth: {external_issuers: \(issuers)}\n")
        let error = #expect(throws: ConfigurationError.self) { try file.load() }
        #expect(error?.problems.map(\.path.description) == [place])
    }

    @Test("without any server nobody could get a token") func nobody() throws {
        let file = try ConfigurationFile("oauth: {authorization_server: false}\n")
        #expect(throws: ConfigurationError.self) { try file.load() }
    }
}
