import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// The documents that clients read first.
@Suite struct MetadataTests {
    static let positions = [
        "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/a/mcp",
        "/.well-known/openid-configuration", "/.well-known/openid-configuration/a/mcp",
        "/a/mcp/.well-known/openid-configuration",
    ]

    @Test("RFC 8414 §3, a2, a3: every position answers with the issuer that the client used", arguments: positions)
    func everyPosition(path: String) async throws {
        let fixture = try await Fixture()
        for origin in ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"] {
            let answer = await fixture.send(.get, path, fields: [("Origin", "https://inspector.test")], origin: origin)
            #expect(answer.status == 200)
            #expect(answer.header("access-control-allow-origin") == "*")
            #expect(try answer.member("issuer") == origin)
            #expect(try answer.member("token_endpoint") == origin + "/token")
        }
    }

    @Test("a4, a16, A04: metadata offers S256 and nothing else, and iss in responses")
    func content() async throws {
        let fixture = try await Fixture(publicURL: "https://gw.test")
        let answer = await fixture.send(.get, MetadataTests.positions[0], origin: "https://gw.test")
        let root = try answer.json()
        #expect(root["issuer"]?.string == "https://gw.test")
        #expect(root["code_challenge_methods_supported"]?.elements.compactMap(\.string) == ["S256"])
        #expect(root["response_types_supported"]?.elements.compactMap(\.string) == ["code"])
        #expect(root["authorization_response_iss_parameter_supported"]?.boolean == true)
        let grants = root["grant_types_supported"]?.elements.compactMap(\.string)
        #expect(
            grants == [
                "authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code",
            ])
    }

    @Test("R07: a foreign Host gets no metadata")
    func foreignHost() async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(.get, MetadataTests.positions[0], origin: "http://evil.test")
        #expect(answer.status == 421)
    }

    @Test("RFC 7517 §5: the key set has the public half of every key and no private member")
    func keySet() async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(.get, "/jwks")
        #expect(answer.header("access-control-allow-origin") == "*")
        let keys = try #require(try answer.json()["keys"])
        #expect(Set(keys.elements.compactMap { $0["alg"]?.string }) == ["RS256", "ES256", "EdDSA"])
        for key in keys.elements {
            #expect(key["kid"]?.string?.isEmpty == false)
            #expect(key["use"]?.string == "sig")
            for name in ["d", "p", "q", "dp", "dq", "qi", "k"] as [StaticString] { #expect(key[name] == nil) }
        }
    }

    @Test("A18: programs' endpoints are open to every origin and answer preflights, pages are not")
    func preflights() async throws {
        let fixture = try await Fixture()
        for path in ["/token", "/register", "/revoke", "/jwks", MetadataTests.positions[0], "/oauth/token"] {
            let answer = await fixture.send(.options, path, fields: [("Origin", "https://inspector.test")])
            #expect(answer.status == 204, "\(path)")
            #expect(answer.header("access-control-allow-origin") == "*")
        }
        for path in ["/authorize", "/login", "/consent"] {
            let answer = await fixture.send(.options, path, fields: [("Origin", "https://inspector.test")])
            #expect(answer.header("access-control-allow-origin") == nil, "\(path)")
        }
    }
}
