import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Hosts of each revision, doing what that revision says and no more.
    @Suite("Claude-like clients of four revisions")
    struct ClientEras {
        private static let redirect = OAuthWalk.redirectURI

        /// Posts a form and returns the JSON object of the answer.
        private static func post(
            _ gateway: GatewayProcess, _ path: String, _ form: [String: String]
        ) async throws -> [String: Any] {
            let answer = try await gateway.request(
                "POST", path, ["Content-Type": "application/x-www-form-urlencoded"],
                body: FormEncoding.encode(form.map { ($0.key, $0.value) }))
            #expect(answer.status == 200, "\(answer.text)")
            return answer.object
        }

        private static func json(_ gateway: GatewayProcess, _ path: String) async throws -> [String: Any] {
            let answer = try await gateway.request("GET", path)
            #expect(answer.status == 200, "\(path): \(answer.status)")
            return answer.object
        }

        private static func register(
            _ gateway: GatewayProcess, _ path: String, _ metadata: [String: Any]
        ) async throws -> [String: Any] {
            let body = String(decoding: try JSONSerialization.data(withJSONObject: metadata), as: UTF8.self)
            let answer = try await gateway.request("POST", path, ["Content-Type": "application/json"], body: body)
            #expect(answer.status == 201, "\(answer.text)")
            return answer.object
        }

        /// Walks the pages from `authorize` and returns the parameters that come back.
        private static func walk(
            _ gateway: GatewayProcess, _ authorize: String, _ parameters: [String: String]
        ) async throws -> [String: String] {
            let (port, url) = (
                gateway.port, authorize + "?" + FormEncoding.encode(parameters.map { ($0.key, $0.value) })
            )
            return try await onThread {
                FormEncoding.query(
                    of: try PlainBrowser(port: port).walk(url, to: redirect, as: EndToEnd.user, EndToEnd.password))
            }
        }

        private static func request(_ client: String, _ more: [String: String] = [:]) -> [String: String] {
            [
                "response_type": "code", "client_id": client, "redirect_uri": redirect, "state": "st",
                "code_challenge": OAuthWalk.proof.challenge, "code_challenge_method": "S256",
            ].merging(more) { $1 }
        }

        private static func redemption(_ client: String, _ code: String?) -> [String: String] {
            [
                "grant_type": "authorization_code", "client_id": client, "code": code ?? "",
                "code_verifier": OAuthWalk.proof.verifier, "redirect_uri": redirect,
            ]
        }

        private static func call(_ gateway: GatewayProcess, _ tokens: [String: Any], _ version: String) async throws {
            let token = try #require(tokens["access_token"] as? String)
            let session = try await EndToEnd.session(gateway, token: token, version: version)
            let status = try await onThread { try session.post(PlainMCP.request("tools/list", id: 7)).status }
            #expect(status == 200)
        }

        /// The path of a URL of the gateway.
        private static func path(_ value: Any?, _ gateway: GatewayProcess) throws -> String {
            let url = try #require(value as? String)
            #expect(url.hasPrefix(gateway.origin + "/"), "\(url)")
            return String(url.dropFirst(gateway.origin.count))
        }

        @Test(
            "a22: 2025-03-26 knows no metadata: /register, /authorize and /token at the root, no resource, scope claudeai"
        )
        func march() async throws {
            let gateway = try await EndToEnd.gateway()
            let client = try await Self.register(
                gateway, "/register",
                [
                    "client_name": "Claude", "redirect_uris": [Self.redirect], "grant_types": ["authorization_code"],
                    "response_types": ["code"], "token_endpoint_auth_method": "none", "scope": "claudeai",
                ])
            let id = try #require(client["client_id"] as? String)
            let back = try await Self.walk(gateway, "/authorize", Self.request(id, ["scope": "claudeai"]))
            #expect(back["state"] == "st")
            let tokens = try await Self.post(gateway, "/token", Self.redemption(id, back["code"]))
            try await Self.call(gateway, tokens, "2025-03-26")
        }

        /// From the 401 to the authorization server's metadata by the path of the resource.
        private static func discover(_ gateway: GatewayProcess) async throws -> [String: Any] {
            let refused = try await gateway.request(
                "POST", "/demo/mcp", ["Content-Type": "application/json"], body: PlainMCP.request("ping", id: 1))
            #expect(refused.status == 401)
            let challenge = try #require(refused.header("www-authenticate"))
            let start = try #require(challenge.range(of: "resource_metadata=\""))
            let address = String(challenge[start.upperBound...].prefix { $0 != "\"" })
            let resource = try await Self.json(gateway, Self.path(address, gateway))
            #expect(resource["resource"] as? String == gateway.origin + "/demo/mcp")
            let servers = try #require(resource["authorization_servers"] as? [String])
            #expect(servers == [gateway.origin])
            let atPath = try await Self.json(gateway, "/.well-known/oauth-authorization-server/demo/mcp")
            let atRoot = try await Self.json(gateway, "/.well-known/oauth-authorization-server")
            #expect(atPath as NSDictionary == atRoot as NSDictionary)
            #expect(atRoot["issuer"] as? String == gateway.origin)
            #expect((atRoot["code_challenge_methods_supported"] as? [String])?.contains("S256") == true)
            return atRoot
        }

        @Test("a2: 2025-06-18 finds everything by path metadata, registers, and names the resource")
        func june() async throws {
            let gateway = try await EndToEnd.gateway()
            let metadata = try await Self.discover(gateway)
            let client = try await Self.register(
                gateway, try Self.path(metadata["registration_endpoint"], gateway),
                [
                    "client_name": "Claude", "redirect_uris": [Self.redirect],
                    "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
                    "token_endpoint_auth_method": "none",
                ])
            let id = try #require(client["client_id"] as? String)
            let resource = ["resource": gateway.origin + "/demo/mcp"]
            let back = try await Self.walk(
                gateway, try Self.path(metadata["authorization_endpoint"], gateway), Self.request(id, resource))
            let tokens = try await Self.post(
                gateway, try Self.path(metadata["token_endpoint"], gateway),
                Self.redemption(id, back["code"]).merging(resource) { $1 })
            try await Self.call(gateway, tokens, "2025-06-18")
        }

        @Test("a6, a7: 2025-11-25 comes with the address of its metadata document and never registers")
        func november() async throws {
            let site = try await PublishingSite()
            let gateway = try await EndToEnd.gateway(site.configuration)
            let metadata = try await Self.discover(gateway)
            #expect(metadata["client_id_metadata_document_supported"] as? Bool == true)
            let id = site.origin + "/good/claude.json"
            let resource = ["resource": gateway.origin + "/demo/mcp"]
            let back = try await Self.walk(
                gateway, try Self.path(metadata["authorization_endpoint"], gateway), Self.request(id, resource))
            let tokens = try await Self.post(
                gateway, try Self.path(metadata["token_endpoint"], gateway),
                Self.redemption(id, back["code"]).merging(resource) { $1 })
            try await Self.call(gateway, tokens, "2025-11-25")
            let refresh = try #require(tokens["refresh_token"] as? String)
            let again = try await Self.post(
                gateway, "/token", ["grant_type": "refresh_token", "refresh_token": refresh, "client_id": id])
            #expect(again["access_token"] is String)
            #expect(try await site.count() == ["/good/claude.json": 1])
            let clients = try await gateway.command(["client", "list", "--json"])
            #expect(clients.output.trimmingCharacters(in: .whitespacesAndNewlines) == "[]")
        }

        @Test("a10: 2026-07-28 sends application_type, and accepts an answer by its iss alone")
        func july() async throws {
            let gateway = try await EndToEnd.gateway()
            let metadata = try await Self.discover(gateway)
            #expect(metadata["authorization_response_iss_parameter_supported"] as? Bool == true)
            let client = try await Self.register(
                gateway, try Self.path(metadata["registration_endpoint"], gateway),
                [
                    "client_name": "Claude", "redirect_uris": [Self.redirect], "application_type": "native",
                    "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
                    "token_endpoint_auth_method": "none",
                ])
            #expect(client["application_type"] as? String == "native")
            let id = try #require(client["client_id"] as? String)
            let resource = ["resource": gateway.origin + "/demo/mcp"]
            let back = try await Self.walk(
                gateway, try Self.path(metadata["authorization_endpoint"], gateway), Self.request(id, resource))
            #expect(back["iss"] == metadata["issuer"] as? String)
            let tokens = try await Self.post(
                gateway, try Self.path(metadata["token_endpoint"], gateway),
                Self.redemption(id, back["code"]).merging(resource) { $1 })
            try await Self.call(gateway, tokens, "2025-11-25")
            let web: [String: Any] = ["redirect_uris": [Self.redirect], "application_type": "web"]
            let body = String(decoding: try JSONSerialization.data(withJSONObject: web), as: UTF8.self)
            let refused = try await gateway.request(
                "POST", "/register", ["Content-Type": "application/json"], body: body)
            #expect(refused.status == 400 && refused.object["error"] as? String == "invalid_redirect_uri")
        }
    }
}
