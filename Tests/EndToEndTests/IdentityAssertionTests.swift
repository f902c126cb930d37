import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Enterprise-managed authorization: an identity provider made with joserfc lets clients in, without a browser.
    @Suite("Identity assertions")
    struct IdentityAssertions {
        static let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        static let secret = "the secret of the agent, long"

        static func gateway(
            _ issuer: ExternalIssuers.Issuer, as name: String? = nil, _ settings: String = ""
        ) async throws -> GatewayProcess {
            let gateway = try GatewayProcess(
                configuration: """
                    servers:
                      demo: {command: \(Checkout.binary), args: [demo-server]}
                    oauth:
                      clients:
                        - {client_id: agent, client_secret: "\(secret)", grant_types: ["\(grant)"]}
                      identity_assertions:
                        - {issuer: "\(name ?? issuer.url)", id: corp, clients: [agent], allow: {users: ["carol@corp.test"]}\(settings)}

                    """)
            try await gateway.start()
            return gateway
        }

        /// An ID-JAG for the demo server; `NSNull` removes a claim.
        static func assertion(
            _ issuer: ExternalIssuers.Issuer, _ gateway: GatewayProcess, _ job: [String: Any] = [:]
        ) async throws -> String {
            var job = job
            job["header"] = ["typ": "oauth-id-jag+jwt"].merging(job["header"] as? [String: String] ?? [:]) { $1 }
            job["claims"] = [
                "client_id": "agent", "resource": gateway.origin + "/demo/mcp", "email": "carol@corp.test",
                "email_verified": true,
            ].merging(job["claims"] as? [String: Any] ?? [:]) { $1 }
            return try await issuer.mint(gateway.origin, job)
        }

        static func exchange(
            _ gateway: GatewayProcess, _ assertion: String, secret: String = secret
        ) async throws -> PlainResponse {
            var parts = URLComponents()
            parts.queryItems = [
                URLQueryItem(name: "grant_type", value: grant), URLQueryItem(name: "assertion", value: assertion),
            ]
            let credentials = Data("agent:\(secret.replacingOccurrences(of: " ", with: "+"))".utf8)
                .base64EncodedString()
            return try await gateway.request(
                "POST", "/token",
                ["Authorization": "Basic \(credentials)", "Content-Type": "application/x-www-form-urlencoded"],
                body: parts.percentEncodedQuery ?? "")
        }

        @Test("ID-JAG, A09, a24: Authlib exchanges an assertion, with the client's secret and once")
        func authlib() async throws {
            let issuer = try await ExternalIssuers.Issuer()
            let gateway = try await Self.gateway(issuer)
            let assertion = try await Self.assertion(issuer, gateway)
            let report = try await Grants.run("assertion", gateway, ["assertion": assertion, "secret": Self.secret])
            #expect(report["foreign"] as? String == "invalid_client")
            let claims = try #require(report["claims"] as? [String: Any])
            #expect(
                claims["aud"] as? String == gateway.origin + "/demo/mcp" && claims["client_id"] as? String == "agent")
            #expect(report["status"] as? Int == 200)
            #expect(report["refresh"] is NSNull, "the identity provider decides each time")
            #expect(report["again"] as? String == "invalid_grant")
        }

        @Test(
            "ID-JAG, a24: an assertion opens one server for its user; replayed, foreign, forged or of another audience it opens nothing"
        )
        func exchanged() async throws {
            let issuer = try await ExternalIssuers.Issuer()
            let gateway = try await Self.gateway(issuer)
            for algorithm in ["ES256", "RS256", "EdDSA"] {
                let assertion = try await Self.assertion(issuer, gateway, ["alg": algorithm])
                let answer = try await Self.exchange(gateway, assertion)
                #expect(answer.status == 200, "\(answer.text)")
                #expect(answer.object["refresh_token"] == nil)
                let token = try #require(answer.object["access_token"] as? String)
                let claims = try EndToEnd.claims(of: token)
                #expect(claims["aud"] as? String == gateway.origin + "/demo/mcp")
                #expect(claims["email"] as? String == "carol@corp.test")
                let client = try await EndToEnd.session(gateway, token: token)
                let who = try await onThread { try client.call("whoami") }
                #expect(who.text?.contains("carol@corp.test") == true, "\(who.messages)")
                let replayed = try await Self.exchange(gateway, assertion)
                #expect(replayed.status == 400)
                #expect(replayed.object["error"] as? String == "invalid_grant")
                #expect((replayed.object["error_description"] as? String)?.contains("used before") == true)
            }
            let wrong: [(String, [String: Any])] = [
                ("aud", ["claims": ["aud": "https://other.test"]]), ("aud", ["claims": ["aud": gateway.origin + "/"]]),
                ("aud", ["claims": ["aud": [gateway.origin, "https://other.test"]]]),
                ("client_id", ["claims": ["client_id": "somebody"]]), ("typ", ["header": ["typ": "at+jwt"]]),
                ("signed", ["header": ["kid": "made-up"]]), ("issuer", ["claims": ["iss": "https://other.test"]]),
                ("expired", ["claims": ["exp": 1_000_000_000]]), ("jti", ["claims": ["jti": NSNull()]]),
                ("may not use", ["claims": ["email": "mallory@corp.test"]]),
                ("may not use", ["claims": ["email_verified": false]]),
            ]
            for (word, job) in wrong {
                let answer = try await Self.exchange(gateway, Self.assertion(issuer, gateway, job))
                #expect(answer.status == 400, "\(job): \(answer.text)")
                #expect(answer.object["error"] as? String == "invalid_grant", "\(job)")
                #expect((answer.object["error_description"] as? String)?.contains(word) == true, "\(answer.text)")
            }
            let elsewhere = try await Self.exchange(
                gateway, Self.assertion(issuer, gateway, ["claims": ["resource": "https://other.test/mcp"]]))
            #expect(elsewhere.object["error"] as? String == "invalid_target")
            let stranger = try await Self.exchange(gateway, Self.assertion(issuer, gateway), secret: "guess")
            #expect(stranger.status == 401)
            let metadata = try await gateway.request("GET", "/.well-known/oauth-authorization-server").object
            #expect(
                metadata["authorization_grant_profiles_supported"] as? [String]
                    == ["urn:ietf:params:oauth:grant-profile:id-jag"])
            #expect((metadata["grant_types_supported"] as? [String])?.contains(Self.grant) == true)
        }

        @Test(
            "ID-JAG: keys are read where the operator says, also inside the company; without a place they are not found there"
        )
        func namedKeys() async throws {
            let issuer = try await ExternalIssuers.Issuer()
            let name = "https://idp.corp.test"
            let gateway = try await Self.gateway(issuer, as: name, ", jwks_uri: \"\(issuer.url)/jwks\"")
            let assertion = try await Self.assertion(issuer, gateway, ["claims": ["iss": name]])
            let answer = try await Self.exchange(gateway, assertion)
            #expect(answer.status == 200, "\(answer.text)")
            let lost = try await Self.gateway(issuer, as: name)
            let refused = try await Self.exchange(lost, Self.assertion(issuer, lost, ["claims": ["iss": name]]))
            #expect(refused.status == 503, "\(refused.text)")
        }

        @Test(
            "T08, ID-JAG: a revoked token is refused; the audit says by whose word it was issued; a restart forgets no assertion"
        )
        func revoked() async throws {
            let issuer = try await ExternalIssuers.Issuer()
            let gateway = try await Self.gateway(issuer)
            let assertion = try await Self.assertion(issuer, gateway)
            let token = try #require(try await Self.exchange(gateway, assertion).object["access_token"] as? String)
            #expect(try await ExternalIssuers.ping(gateway, token).status == 400, "a session is missing, not a token")
            let body =
                "token=\(token)&client_id=agent&client_secret=\(Self.secret.replacingOccurrences(of: " ", with: "+"))"
            let revoked = try await gateway.request(
                "POST", "/revoke", ["Content-Type": "application/x-www-form-urlencoded"], body: body)
            #expect(revoked.status == 200)
            try await eventuallyTrue("the token is refused", within: .seconds(1)) {
                try await ExternalIssuers.ping(gateway, token).status == 401
            }
            _ = try await gateway.terminate()
            try await gateway.start()
            let replayed = try await Self.exchange(gateway, assertion)
            #expect(replayed.object["error"] as? String == "invalid_grant", "\(replayed.text)")
            let trail = try await eventually("the trail", within: .seconds(5)) {
                let text = try await gateway.command(["audit", "query", "--json"]).output
                return text.contains("code_replayed") ? text : nil
            }
            let events = try #require(try JSONSerialization.jsonObject(with: Data(trail.utf8)) as? [[String: Any]])
            let issued = try #require(events.first { $0["action"] as? String == "token_issued" })
            let detail = try #require(issued["detail"] as? [String: String])
            #expect(detail["provider"] == "corp" && detail["grant_type"] == Self.grant, "\(detail)")
            #expect(issued["client"] as? String == "agent", "\(issued)")
            #expect(!trail.contains(assertion))
        }

        @Test(
            "ID-JAG, a24: the Python SDK comes with an assertion instead of a browser",
            arguments: [
                "client_secret_post", "client_secret_basic",
            ])
        func pythonSDK(method: String) async throws {
            let issuer = try await ExternalIssuers.Issuer()
            let gateway = try await Self.gateway(issuer)
            let url = gateway.origin + "/demo/mcp"
            let report = try await PythonClient.run(
                "sdk_identity_assertion.py", in: "current",
                [
                    "url": url, "issuer": gateway.origin, "client": "agent", "secret": Self.secret, "method": method,
                    "idp": issuer.url, "plan": [["tool": "echo", "arguments": ["message": "by assertion"]]],
                ])
            let results = report["results"] as? [[String: Any]]
            #expect((results?.first?["text"] as? String)?.contains("by assertion") == true, "\(report)")
            #expect(report["asked"] as? [[String]] == [[gateway.origin, url]])
            #expect(report["refresh"] is NSNull)
        }
    }
}
