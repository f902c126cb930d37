import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `sallyport client`, on the store of a gateway that runs.
    @Suite("sallyport client")
    struct ClientCommands {
        private static func object(_ text: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
        }

        private static func list(_ gateway: GatewayProcess) async throws -> [[String: Any]] {
            let listing = try await gateway.command(["client", "list", "--json"])
            return try #require(
                try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]], "\(listing)")
        }

        @Test("A14: a client added from the shell gets in, and is dead within a second of its removal")
        func lifecycle() async throws {
            let gateway = try await EndToEnd.gateway()
            let added = try await gateway.command([
                "client", "add", "Portal", "--redirect-uri", OAuthWalk.redirectURI, "--auth-method",
                "client_secret_post",
                "--servers", "demo", "--json",
            ])
            #expect(added.exit == .exited(0), "\(added.errors)")
            let client = try Self.object(added.output)
            let id = try #require(client["client_id"] as? String)
            let secret = try #require(client["client_secret"] as? String)
            let walk = EndToEnd.walk(gateway)
            let tokens = try await onThread {
                let code = try walk.authorize(client: id)
                return try OAuthWalk.pair(
                    in: walk.token([
                        "grant_type": "authorization_code", "code": code, "code_verifier": OAuthWalk.proof.verifier,
                        "client_id": id, "client_secret": secret, "redirect_uri": OAuthWalk.redirectURI,
                    ]))
            }
            func ping() async throws -> Int {
                try await gateway.request(
                    "POST", "/demo/mcp",
                    [
                        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                        "Authorization": "Bearer " + tokens.access,
                    ], body: PlainMCP.request("ping", id: 1)
                ).status
            }
            #expect(try await ping() != 401)
            let shown = try Self.object(try await gateway.command(["client", "show", id, "--json"]).output)
            #expect(shown["live_grants"] as? Int == 1)
            #expect(shown["source"] as? String == "operator" && shown["client_secret"] == nil)
            #expect(try await Self.list(gateway).map { $0["client_id"] as? String } == [id])
            let text = try await gateway.command(["client", "list"])
            #expect(text.output.contains("Portal") && !text.output.contains(secret))
            let removed = try await gateway.command(["client", "remove", id])
            #expect(removed.exit == .exited(0) && removed.output.contains("1 grant(s)"))
            try await eventuallyTrue("the token to be dead", within: .seconds(1)) { try await ping() == 401 }
            #expect(try await Self.list(gateway).isEmpty)
        }

        @Test("mistakes are told with what would be right")
        func mistakes() async throws {
            let gateway = try await EndToEnd.gateway()
            for (arguments, words) in [
                (["client", "add", "x"], "redirect_uris"), (["client", "show", "nobody"], "no client nobody"),
                (["client", "remove", "nobody"], "no client nobody"), (["client", "lst"], "did you mean"),
                (["client", "add", "x", "--redirect-uri", "http://a.example/"], "use https"),
                (["client", "add", "x", "--redirect-uri", "https://a.example/", "--servers", "dmo"], "did you mean"),
                (["client", "add", "x", "--public", "--grant-types", "client_credentials"], "client_credentials"),
                (["client", "add"], "NAME is missing"),
            ] {
                let run = try await gateway.command(arguments)
                #expect(run.exit != .exited(0) && run.errors.contains(words), "\(arguments): \(run.errors)")
            }
            let first = try await gateway.command([
                "client", "add", "one", "--id", "fixed", "--public", "--redirect-uri", "https://a.example/",
            ])
            #expect(first.exit == .exited(0) && !first.output.contains("client_secret"))
            let second = try await gateway.command([
                "client", "add", "two", "--id", "fixed", "--public", "--redirect-uri", "https://a.example/",
            ])
            #expect(second.exit != .exited(0) && second.errors.contains("already"))
        }

        @Test("A14: ten thousand registrations leave memory and disk bounded", .timeLimit(.minutes(5)))
        func manyRegistrations() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.busy)
            let walk = EndToEnd.walk(gateway)
            _ = try await onThread { try walk.register() }
            let before = ProcessTable.residentBytes(gateway.pid)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await onThread {
                            for _ in 0..<1250 {
                                let status = try walk.registerAnswer().status
                                guard status == 201 || status == 429 else {
                                    throw PlainBrowser.WalkError(description: "\(status)")
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let growth = ProcessTable.residentBytes(gateway.pid) - before
            #expect(growth < 30 << 20, "\(growth) bytes more")
            let files = try FileManager.default.contentsOfDirectory(atPath: gateway.dataDirectory)
                .filter { $0.hasPrefix("sallyport.db") }
            let size = try files.reduce(0) { sum, name in
                let path = gateway.dataDirectory + "/" + name
                return sum + (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0)
            }
            #expect(size < 32 << 20, "\(size) bytes on disk")
        }
    }
}
