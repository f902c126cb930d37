import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Every way to a token (assertions of identity: `IdentityAssertions`), asked for by Authlib, proven and read by joserfc.
    @Suite("Grants by other people's clients")
    struct Grants {
        static let secret = "a secret of forty and more characters: for a robot & no other +%"

        static func run(
            _ scenario: String, _ gateway: GatewayProcess, _ more: [String: Any] = [:]
        ) async throws -> [String: Any] {
            let job: [String: Any] = [
                "scenario": scenario, "origin": gateway.origin, "user": EndToEnd.user, "password": EndToEnd.password,
            ]
            return try await PythonClient.run("grants.py", in: "grants", job.merging(more) { $1 })
        }

        @Test(
            "A05, A08, A09, T10: a code, its refresh, introspection and revocation, by every way to authenticate",
            arguments: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"])
        func code(method: String) async throws {
            let gateway = try await EndToEnd.gateway()
            let report = try await Self.run("code", gateway, ["method": method])
            #expect(report["wrong"] as? String == "invalid_grant", "another verifier")
            #expect(report["issuer"] as? String == gateway.origin, "RFC 9207")
            let claims = try #require(report["claims"] as? [String: Any])
            #expect(claims["aud"] as? String == gateway.origin + "/demo/mcp")
            #expect(claims["client_id"] as? String == report["client"] as? String)
            #expect(report["rotated"] as? Bool == true)
            #expect(report["status"] as? Int == 200)
            #expect(report["revoked"] as? Int == 200 && report["again"] as? Int == 200)
            #expect(report["after"] as? Bool == true, "T08: the server refuses it within a second")
            #expect(report["over"] as? String == "invalid_grant")
            guard method != "none" else { return }
            #expect(report["foreign"] as? String == "invalid_client")
            #expect(report["refused"] as? Int == 401 && report["unharmed"] as? Int == 200)
            let active = report["active"] as? [String: Any]
            #expect(active?["active"] as? Bool == true && active?["sub"] as? String == claims["sub"] as? String)
            #expect((report["refreshable"] as? [String: Any])?["active"] as? Bool == true)
            #expect(report["unknown"] as? [String: Int] == ["active": 0, "status": 200])
            let unproven = report["unproven"] as? [String: Any]
            #expect(unproven?["status"] as? Int == 401 && unproven?["active"] == nil)
            #expect(report["ended"] as? [String: Bool] == ["active": false])
        }

        @Test(
            "A09, A13: client_credentials: a service account of the configuration calls its one server",
            arguments: ["client_secret_basic", "client_secret_post", "private_key_jwt"])
        func clientCredentials(method: String) async throws {
            let maker = try await EndToEnd.gateway()
            let key = try await Self.run("key", maker)
            let set = String(
                decoding: try JSONSerialization.data(withJSONObject: ["keys": [key["public"]]]), as: UTF8.self)
            let credential = method == "private_key_jwt" ? "jwks: \(set)" : "client_secret: '\(Self.secret)'"
            let gateway = try await EndToEnd.gateway(
                """
                servers:
                  demo: {command: \(Checkout.binary), args: [demo-server]}
                oauth:
                  clients:
                    - client_id: robot
                      token_endpoint_auth_method: \(method)
                      grant_types: [client_credentials]
                      \(credential)

                """)
            let report = try await Self.run(
                "client_credentials", gateway,
                ["client": "robot", "method": method, "secret": Self.secret, "key": key["private"] ?? ""])
            #expect(report["status"] as? Int == 200)
            #expect(report["refresh"] as? Bool == false)
            #expect(report["refused"] as? String == "invalid_target")
            #expect(report["stranger"] as? String == "invalid_client")
            let claims = report["claims"] as? [String: Any]
            #expect(claims?["sub"] as? String == "client:robot")
            #expect(claims?["aud"] as? String == gateway.origin + "/demo/mcp")
        }

        @Test(
            "A09, A17: a pushed request leads to a session, and its reference to nothing more",
            arguments: ["client_secret_basic", "private_key_jwt"])
        func pushed(method: String) async throws {
            let gateway = try await EndToEnd.gateway()
            let report = try await Self.run("pushed", gateway, ["method": method])
            #expect(report["pushed"] as? Int == 201)
            #expect(report["stranger"] as? Int == 401)
            #expect(report["expires"] as? Int == 60)
            #expect(report["issuer"] as? String == gateway.origin)
            #expect(report["status"] as? Int == 200)
            let again = report["again"] as? [Any]
            #expect(again?.first as? Int == 400 && again?.last is NSNull, "\(String(describing: again))")
            #expect(report["method"] as? Int == 405)
        }

        @Test("T10: DPoP from the authorization request to the tool")
        func dpop() async throws {
            let gateway = try await EndToEnd.gateway()
            let report = try await Self.run("dpop", gateway)
            #expect(report["stolen"] as? String == "invalid_grant")
            #expect(report["misplaced"] as? String == "invalid_dpop_proof")
            #expect(report["type"] as? String == "DPoP")
            #expect(report["bound"] as? Bool == true)
            #expect(report["bare"] as? String == "invalid_dpop_proof")
            #expect(report["second"] as? String == "DPoP")
            #expect(report["good"] as? Int == 200)
            #expect(report["replay"] as? Int == 401)
            #expect(report["foreign"] as? Int == 401, "a proof for another token")
            #expect(report["other"] as? Int == 401)
            let bearer = report["bearer"] as? [Any]
            #expect(bearer?.first as? Int == 401)
            #expect((bearer?.last as? String)?.contains("DPoP algs=") == true)
        }

        @Test(
            "RFC 8628, A06, A08: a terminal signs in by a browser elsewhere, once; denied and guessed codes give nothing"
        )
        func device() async throws {
            let gateway = try await EndToEnd.gateway()
            let report = try await Self.run("device", gateway)
            #expect(report["waiting"] as? String == "authorization_pending")
            #expect(report["hasty"] as? String == "slow_down")
            #expect(report["foreign"] as? String == "invalid_grant")
            #expect(report["status"] as? Int == 200)
            #expect(report["refreshed"] as? Bool == true)
            #expect(report["again"] as? String == "invalid_grant")
            #expect(report["ended"] as? Bool == true, "the second use of the code ends its tokens")
            let claims = report["claims"] as? [String: Any]
            #expect(claims?["client_id"] as? String == report["client"] as? String)
            #expect(claims?["aud"] as? String == gateway.origin + "/demo/mcp")
            let pages = report["pages"] as? [String] ?? []
            let code = report["code"] as? String ?? "?"
            #expect(pages.first?.contains("Did somebody send you here?") == true)
            #expect(pages.contains { $0.contains("Look at the device") && $0.contains(code) })
            #expect(pages.last?.contains("signed in on your device") == true)
            #expect(report["denied"] as? String == "access_denied")
            #expect((report["farewell"] as? String)?.contains("The device gets nothing") == true)
            #expect((report["limited"] as? String)?.contains("This address has asked too often") == true)
        }
    }
}
