import Foundation
import HTTP
import JSON
import Testing

@testable import OAuth

/// Discovery documents of providers that lie.
@Suite struct ProviderMetadataTests {
    private static let issuer = "https://id.example.com"
    private static var honest: [String: Any] {
        [
            "issuer": issuer, "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token", "jwks_uri": "https://keys.example.com/jwks.json",
            "userinfo_endpoint": "https://id.example.com/userinfo",
        ]
    }

    private static func read(
        _ members: [String: Any], issuer: String = issuer
    ) throws -> Result<ProviderMetadata, DocumentFailure> {
        let bytes = Array(try JSONSerialization.data(withJSONObject: members))
        let root = try JSONDocument(parsing: bytes).root
        do throws(DocumentFailure) {
            return .success(try ProviderMetadata(root, issuer: issuer))
        } catch {
            return .failure(error)
        }
    }

    @Test("OpenID Connect Discovery §3: an honest document is read")
    func honest() throws {
        var members = Self.honest
        members["authorization_response_iss_parameter_supported"] = true
        let metadata = try Self.read(members).get()
        #expect(metadata.tokenEndpoint.text == "https://id.example.com/token")
        #expect(metadata.keySetURI?.text == "https://keys.example.com/jwks.json")
        #expect(metadata.tokenEndpointAuthMethods == ["client_secret_basic"])
        #expect(metadata.sendsIssuer)
    }

    private static let urls: [String] = [
        "http://id.example.com/token", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd",
        "ftp://id.example.com/", "//id.example.com/token", "/token", "", "https://", "https://user@id.example.com/t",
        "https://id.example.com/$(id)", "https://id.example.com/`id`", "https://id.example.com/a;id",
        "https://id.example.com/a|id", "https://id.example.com/'x'", "https://id.example.com/\"x\"",
        "https://id.example.com/a b", "https://id.example.com/a\nb", "https://id.example.com/a\u{0}b",
        "https://id.example.com/t#frag", "https://id.example.com/?x=$(id)", "https://id.example.com/?a=';id",
        "https://id.example.com\\@evil.test/", "https://127.1/token", "https://id.example.com:99999/",
        "http://127.0.0.1:9999/token", "https://id.example.com/%zz", "a:$(id)", "ms-powershell:x",
        "https://idﬁ.example.com/",
    ]

    @Test("I06: of an endpoint that is no plain https URL the whole document is refused", arguments: urls)
    func hostileEndpoint(_ url: String) throws {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            var members = Self.honest
            members[name] = url
            guard case .failure(let failure) = try Self.read(members) else {
                Issue.record("\(name) \(url) was believed")
                continue
            }
            #expect(failure.code == .untrusted)
        }
    }

    @Test(
        "I06: a document of another issuer is refused",
        arguments: [
            "https://id.example.com/", "https://ID.example.com", "https://id.example.com:443", "https://evil.test",
            "http://id.example.com", "", "https://id.example.com/../",
        ])
    func otherIssuer(_ named: String) throws {
        var members = Self.honest
        members["issuer"] = named
        #expect(throws: DocumentFailure(.untrusted, "")) { try Self.read(members).get() }
        members["issuer"] = 7
        #expect(throws: DocumentFailure(.untrusted, "")) { try Self.read(members).get() }
    }

    @Test("I06: plain http is for a provider on this machine, and stays there")
    func plainHTTP() throws {
        let local = "http://127.0.0.1:9400"
        var members: [String: Any] = [
            "issuer": local, "authorization_endpoint": local + "/authorize", "token_endpoint": local + "/token",
        ]
        #expect(try Self.read(members, issuer: local).get().issuer == local)
        members["token_endpoint"] = "http://id.example.com/token"
        #expect(throws: DocumentFailure(.untrusted, "")) { try Self.read(members, issuer: local).get() }
        #expect(throws: DocumentFailure(.untrusted, "")) {
            try Self.read(["issuer": "http://id.example.com"], issuer: "http://id.example.com").get()
        }
    }

    @Test("RFC 8414 §3.1: both places, with and without a path")
    func locations() throws {
        #expect(
            ProviderDiscovery.locations(of: try HTTPURL("https://id.example.com/tenant/")).map(\.text) == [
                "https://id.example.com/tenant/.well-known/openid-configuration",
                "https://id.example.com/.well-known/oauth-authorization-server/tenant",
            ])
    }
}
