import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Access tokens, verified and forged by an implementation that is not ours.
    @Suite("Tokens")
    struct Tokens {
        @Test(
            "T01, T02, T03, T04, T05, T06, T07, T09: joserfc verifies our tokens, and every forgery of its is refused",
            arguments: ["ES256", "RS256", "EdDSA"])
        func rows(algorithm: String) async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.busy + "oauth: {signing_algorithm: \(algorithm)}\n")
            try await gateway.addUser("bob", password: "bob's long password")
            let (client, alice) = try await EndToEnd.logIn(gateway)
            let bob = try await EndToEnd.logIn(gateway, as: "bob", "bob's long password").tokens
            let report = try await PythonClient.run(
                "token_rows.py", in: "jose",
                [
                    "port": gateway.port, "origin": gateway.origin, "path": "/demo/mcp", "algorithm": algorithm,
                    "tokens": [alice.access, bob.access], "folder": gateway.dataDirectory,
                ], within: .seconds(120))
            // RFC 9068 §2.1, §2.2.
            let header = try #require(report["header"] as? [String: Any])
            #expect(header["alg"] as? String == algorithm && header["typ"] as? String == "at+jwt")
            let claims = try #require(report["claims"] as? [String: Any])
            for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"] {
                #expect(claims[name] != nil, "\(name)")
            }
            #expect(
                claims["iss"] as? String == gateway.origin && claims["aud"] as? String == gateway.origin + "/demo/mcp")
            #expect(claims["client_id"] as? String == client && claims["name"] as? String == EndToEnd.user)
            #expect(report["thumbprint"] as? Bool == true, "RFC 7638: kid is the thumbprint of the key")
            // The forger can do it right: what is refused is refused for what is wrong with it.
            #expect(report["good"] as? [Int] == [400, 400, 400] && report["after"] as? Int == 400, "\(report)")
            let accepted = try #require(report["accepted"] as? [String: [String]])
            let shown = try #require(report["shown"] as? [String: Int])
            for (row, least) in ["T01": 37, "T02": 45, "T03": 518, "T04": 21, "T05": 50, "T06": 25, "T07": 16] {
                #expect(accepted[row] == [], "\(row)")
                #expect(try #require(shown[row]) >= least, "\(row): \(shown)")
            }
            #expect((report["unchallenged"] as? [String])?.isEmpty == true, "\(report["unchallenged"] ?? "")")
            #expect(report["confused"] as? Int == 0, "T09")
        }
    }
}
