import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Modules about metadata and keys.
@Suite struct MetadataModules {
    private static let position = "/.well-known/openid-configuration"

    // OIDCCDiscoveryEndpointVerification, as far as it does not speak of ID tokens and UserInfo.
    @Test("oidcc-discovery-endpoint-verification: metadata holds what its specifications require")
    func discovery() async throws {
        let fixture = try await Fixture(publicURL: "https://gw.test")
        let answer = await fixture.send(.get, Self.position, origin: "https://gw.test")
        #expect(answer.status == 200)
        #expect(answer.header("content-type")?.hasPrefix("application/json") == true)
        let metadata = try answer.json()
        #expect(metadata["issuer"]?.string == "https://gw.test")
        for endpoint in ["authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri"]
            as [StaticString]
        {
            let text = try #require(metadata[endpoint]?.string)
            #expect(URLComponents(string: text)?.scheme == "https" && text.hasPrefix("https://gw.test/"), "\(endpoint)")
        }
        func list(_ name: StaticString) -> [String] { metadata[name]?.elements.compactMap(\.string) ?? [] }
        #expect(list("response_types_supported") == ["code"])
        #expect(Set(list("grant_types_supported")).isSuperset(of: ["authorization_code", "refresh_token"]))
        #expect(list("code_challenge_methods_supported") == ["S256"])
        #expect(list("subject_types_supported") == ["public"])
        #expect(list("id_token_signing_alg_values_supported").contains("RS256"))
        let scopes = list("scopes_supported")
        #expect(!scopes.isEmpty && scopes.allSatisfy { (try? Scope(parsing: $0))?.tokens == [$0] }, "RFC 6749 §3.3")
        // Every address in it is https, those of other specifications too.
        for name in try Self.names(answer) where name.hasSuffix("_endpoint") || name.hasSuffix("_uri") {
            #expect(try Self.text(answer, name)?.hasPrefix("https://gw.test/") == true, "\(name)")
        }
        try await Self.checkKeys(fixture, origin: "https://gw.test")
    }

    // OIDCCServerRotateKeys.
    @Test("oidcc-server-rotate-keys: after a rotation there is a new key, and the old one is still there")
    func rotateKeys() async throws {
        let fixture = try await Fixture()
        let before = try await Self.checkKeys(fixture)
        _ = try await fixture.service.keys.rotate(.es256, publishAhead: .seconds(60))
        try await fixture.service.prepare()
        let after = try await Self.checkKeys(fixture)
        #expect(after.count == before.count + 1, "the new one is there before it signs")
        #expect(after.isSuperset(of: before))
    }

    /// A key set whose keys are valid, public, and have distinct ids (RFC 7517 §4.5); returns the ids.
    @discardableResult
    private static func checkKeys(_ fixture: Fixture, origin: String = "http://localhost:8080") async throws -> Set<
        String
    > {
        let answer = await fixture.send(.get, "/jwks", origin: origin)
        #expect(answer.status == 200)
        let keys = Array(try #require(try answer.json()["keys"]).elements)
        let ids = keys.compactMap { $0["kid"]?.string }
        #expect(ids.count == keys.count && Set(ids).count == ids.count)
        for key in keys {
            #expect(key["use"]?.string == "sig" && key["d"] == nil)
            #expect(["RSA", "EC", "OKP"].contains(key["kty"]?.string))
        }
        return Set(ids)
    }

    private static func names(_ answer: Answer) throws -> [String] {
        let object = try JSONSerialization.jsonObject(with: Data(answer.bytes)) as? [String: Any]
        return (object ?? [:]).keys.sorted()
    }

    private static func text(_ answer: Answer, _ name: String) throws -> String? {
        let object = try JSONSerialization.jsonObject(with: Data(answer.bytes)) as? [String: Any]
        return object?[name] as? String
    }
}
