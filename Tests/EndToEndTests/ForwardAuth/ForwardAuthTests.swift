import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The three-tier deployment, with each proxy for real.
    @Suite("Behind another proxy", .timeLimit(.minutes(3)))
    struct ForwardAuth {
        @Test(
            "an SDK client logs in through the proxy and calls a server that has no login",
            arguments: FrontProxy.allCases)
        func client(front: FrontProxy) async throws {
            let tiers = try await ThreeTiers(front)
            let url = "http://127.0.0.1:\(tiers.ports.front)/mcp"
            let report = try await PythonClient.run(
                "sdk_current.py", in: "current",
                [
                    "url": url, "user": EndToEnd.user, "password": EndToEnd.password, "plan": [["tool": "whoami"]],
                    "mode": "legacy",
                ])
            let results = report["results"] as? [[String: Any]] ?? []
            let text = try #require(results.first?["text"] as? String)
            let seen = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String]])
            #expect(seen["x-user-name"] == [EndToEnd.user])
            #expect(seen["x-user-id"]?.first?.hasPrefix("user_") == true && seen["x-user-id"]?.count == 1)
            #expect(seen["x-client-id"] == [report["client"] as? String ?? ""])
            #expect(seen["x-scope"]?.first?.hasPrefix("mcp") == true)
            #expect(seen["authorization"] == nil && seen["x-auth-token"] == nil, "the token stays in front")
            #expect(report["walks"] as? Int == 1)
        }

        @Test("R01, R02: challenge, other resources, revoked grants, pages", arguments: FrontProxy.allCases)
        func answers(front: FrontProxy) async throws {
            let tiers = try await ThreeTiers(front)
            let port = tiers.ports.front
            let refused = try await tiers.ask("/mcp")
            #expect(refused.status == 401)
            let document = "http://127.0.0.1:\(port)/.well-known/oauth-protected-resource/mcp"
            #expect(
                refused.header("www-authenticate") == "Bearer resource_metadata=\"\(document)\", scope=\"mcp\"")
            let metadata = try await tiers.ask("/.well-known/oauth-protected-resource/mcp")
            #expect(metadata.object["resource"] as? String == "http://127.0.0.1:\(port)/mcp")
            #expect(metadata.object["authorization_servers"] as? [String] == ["http://localhost:\(port)"])
            #expect(try await tiers.ask("/metrics", host: "localhost:\(port)").status == 404, "they are nobody else's")
            #expect(try await !tiers.ask("/metrics").text.contains("sallyport_"))
            let server = try await tiers.ask("/.well-known/oauth-authorization-server")
            #expect(server.object["issuer"] as? String == "http://localhost:\(port)", "clients of 2025-03-26")

            let walk = tiers.walk("/raw")
            let (client, tokens) = try await onThread { try walk.logIn() }
            #expect(try await tiers.ask("/raw", token: tokens.access).status == 200)
            for line in ["", "X-Forwarded-Uri: /raw", "X-Forwarded-Host: 127.0.0.1:\(port)\r\nX-Original-URL: /raw"] {
                let other = try await tiers.ask("/mcp", token: tokens.access, lines: line.isEmpty ? [] : [line])
                #expect(other.status == 401, "R02: \(line)")
            }
            #expect(try await tiers.ask("/raw", token: tokens.access + "x").status == 401)
            #expect(try await tiers.ask("/raw?access_token=\(tokens.access)").status == 401)

            _ = try await onThread { try walk.revoke(tokens.refresh, client: client) }
            #expect(try await tiers.ask("/raw", token: tokens.access).status == 401, "T08")
        }

        /// Every name that an upstream believes, in the spellings that some server folds to it.
        static let spellings: [String] = {
            let names = ["X-User-Id", "X-User-Name", "X-User-Email", "X-Client-Id", "X-Scope", "X-Auth-Token"]
            return names.flatMap { name in
                [
                    name, name.lowercased(), name.uppercased(), name.replacingOccurrences(of: "-", with: "_"),
                    name.replacingOccurrences(of: "-", with: "."),
                    name.replacingOccurrences(of: "-", with: "_").uppercased(),
                    "X_" + name.dropFirst(2),
                ]
            }
        }()

        @Test(
            "R07: 42 spellings of the identity headers, by the bytes that the upstream sees",
            arguments: FrontProxy.allCases)
        func spoofing(front: FrontProxy) async throws {
            let tiers = try await ThreeTiers(front)
            let token = try await tiers.token(for: "/raw")
            _ = tiers.rawHeads()
            #expect(Self.spellings.count >= 40)
            for name in Self.spellings {
                for lines in [["\(name): mallory"], ["\(name): mallory", "\(name): mallory"]] {
                    let answer = try await tiers.ask("/raw", token: token, lines: lines)
                    let heads = tiers.rawHeads()
                    if answer.status != 200 { #expect(heads.isEmpty, "\(name): refused and yet forwarded") }
                    for head in heads { expectGenuine(head, name) }
                }
            }
            for name in ["X-User-Id", "X-User-Name", "X-Scope", "Authorization, X-User-Id"] {
                _ = try await tiers.ask("/raw", token: token, lines: ["Connection: \(name)", "X-User-Id: mallory"])
                for head in tiers.rawHeads() { #expect(!head.contains("mallory"), "Connection: \(name)\n\(head)") }
            }
            #expect(try await tiers.ask("/raw", token: token).status == 200)
            #expect(tiers.rawHeads().count == 1)
        }

        private func expectGenuine(_ head: String, _ name: String) {
            #expect(!head.contains("mallory"), "\(name)\n\(head)")
            let lines = head.components(separatedBy: "\r\n")
            for field in ["x-user-id:", "x-user-name:", "x-client-id:", "x-scope:"] {
                #expect(lines.filter { $0.hasPrefix(field) }.count == 1, "\(name): \(field)\n\(head)")
            }
        }

        @Test(
            "R06: paths that two servers read in two ways do not get past the question", arguments: FrontProxy.allCases)
        func paths(front: FrontProxy) async throws {
            let tiers = try await ThreeTiers(front)
            let token = try await tiers.token(for: "/mcp")
            _ = tiers.rawHeads()
            for path in [
                "/mcp/../raw", "/mcp/%2e%2e/raw", "/mcp/..%2fraw", "/mcp/%2e%2e%2fraw", "//raw", "/./raw", "/raw%2f",
                "/mcp/..;/raw", "/mcp\\..\\raw", "/%72aw", "/raw;x", "/raw//", "/mcp/%252e%252e/raw",
                "/raw/../mcp/../raw",
            ] {
                _ = try await tiers.ask(path, token: token)
                _ = try await tiers.ask(path)
                #expect(tiers.rawHeads().isEmpty, "\(path) reached another resource")
            }
        }

        @Test("the token goes to the upstream only when the operator says so")
        func forwardedBearer() async throws {
            let tiers = try await ThreeTiers(.nginx, adding: "insecure_forward_bearer: true\n")
            let token = try await tiers.token(for: "/raw")
            let answer = try await tiers.gateway.request(
                "GET", "/verify",
                [
                    "Authorization": "Bearer \(token)", "X-Forwarded-Proto": "http", "X-Forwarded-Uri": "/raw",
                    "X-Forwarded-Host": "127.0.0.1:\(tiers.ports.front)",
                ])
            #expect(answer.status == 200 && answer.header("x-auth-token") == token)
        }
    }
}
