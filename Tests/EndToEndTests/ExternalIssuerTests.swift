import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Sallyport as a protected resource of an authorization server that is not ours.
    @Suite("External issuer")
    struct ExternalIssuers {
        /// An authorization server made with joserfc, in a process of its own.
        final class Issuer {
            let port: Int
            private let logs: TemporaryDirectory
            private let program: RunningProgram

            init() async throws {
                logs = try TemporaryDirectory("issuer")
                program = try RunningProgram(
                    Checkout.python("jose"), [Checkout.client("issuer.py")],
                    environment: GatewayProcess.environment(home: logs.path).merging(["PYTHONDONTWRITEBYTECODE": "1"]) {
                        $1
                    }, in: logs.path, logs: logs, name: "issuer")
                let program = program
                port = try await eventually("the issuer's port; it wrote: \(program.errors)", within: .seconds(20)) {
                    program.output.split(separator: "\n").first.flatMap { Int($0) }
                }
            }

            deinit { kill() }

            var url: String { "http://127.0.0.1:\(port)" }
            func kill() { program.killTree() }

            func post(_ path: String, _ job: [String: Any]) async throws -> [String: Any] {
                let body = try JSONSerialization.data(withJSONObject: job)
                let port = port
                return try await onThread {
                    try PlainHTTP.exchange(port: port, "POST", path, body: Array(body))
                }.object
            }

            /// A token for `audience`; `job` may name algorithm, header, claims and whether it is opaque.
            func mint(_ audience: String, _ job: [String: Any] = [:]) async throws -> String {
                var job = job
                job["claims"] = ["aud": audience].merging(job["claims"] as? [String: Any] ?? [:]) { $1 }
                return try #require(try await post("/mint", job)["token"] as? String)
            }

            func count(_ name: String) async throws -> Int {
                let port = port
                let answer = try await onThread { try PlainHTTP.exchange(port: port, "GET", "/counts") }
                return try #require(answer.object[name] as? Int)
            }
        }

        static func gateway(_ issuer: Issuer, _ settings: String = "") async throws -> GatewayProcess {
            let gateway = try GatewayProcess(
                configuration: """
                    servers:
                      demo: {command: \(Checkout.binary), args: [demo-server]}
                    oauth:
                      external_issuers:
                        - {issuer: "\(issuer.url)", required_scopes: [mcp]\(settings)}

                    """)
            try await gateway.start()
            return gateway
        }

        static func ping(_ gateway: GatewayProcess, _ token: String) async throws -> PlainResponse {
            let fields = [
                "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
            ]
            return try await gateway.request("POST", "/demo/mcp", fields, body: PlainMCP.request("ping", id: 1))
        }

        @Test(
            "RFC 9728, R02: tokens of the issuer open the server, metadata names it, and our own endpoints are not there"
        )
        func protectedResource() async throws {
            let issuer = try await Issuer()
            let gateway = try await Self.gateway(issuer)
            let resource = gateway.origin + "/demo/mcp"
            let metadata = try await gateway.request("GET", "/.well-known/oauth-protected-resource/demo/mcp").object
            #expect(metadata["authorization_servers"] as? [String] == [issuer.url])
            #expect(metadata["resource"] as? String == resource && metadata["scopes_supported"] as? [String] == ["mcp"])
            for path in [
                "/authorize", "/token", "/register", "/jwks", "/login", "/.well-known/oauth-authorization-server",
            ] {
                #expect(try await gateway.request("GET", path).status == 404, "\(path)")
            }
            #expect(!gateway.log.contains("first password"))
            for algorithm in ["ES256", "RS256", "EdDSA"] {
                let token = try await issuer.mint(resource, ["alg": algorithm])
                let client = try await EndToEnd.session(gateway, token: token)
                let who = try await onThread { try client.call("whoami") }
                #expect(who.text?.contains(issuer.url + "#carol") == true, "\(algorithm): \(who.messages)")
                #expect(who.text?.contains("Carol") == true)
            }
            let elsewhere = try await Self.ping(gateway, issuer.mint(gateway.origin + "/other/mcp"))
            #expect(elsewhere.status == 401)
            #expect(elsewhere.header("www-authenticate")?.contains("oauth-protected-resource/demo/mcp") == true)
            let poor = try await Self.ping(gateway, issuer.mint(resource, ["claims": ["scope": "x"]]))
            #expect(poor.status == 403 && poor.header("www-authenticate")?.contains("insufficient_scope") == true)
            let idToken = try await Self.ping(gateway, issuer.mint(resource, ["header": ["typ": "JWT"]]))
            #expect(idToken.status == 401, "T04")
            let bound = try await Self.ping(gateway, issuer.mint(resource, ["claims": ["cnf": ["jkt": "x"]]]))
            #expect(bound.status == 401, "T10")
        }

        @Test(
            "T03, R04: made-up key ids cost the issuer one question; while it is down known keys count, unknown tokens are 503"
        )
        func down() async throws {
            let issuer = try await Issuer()
            let gateway = try await Self.gateway(issuer)
            let resource = gateway.origin + "/demo/mcp"
            let good = try await issuer.mint(resource)
            #expect(try await Self.ping(gateway, good).status == 400)
            for number in 0..<200 {
                let forged = try await issuer.mint(resource, ["header": ["kid": "made-up-\(number)"]])
                #expect(try await Self.ping(gateway, forged).status == 401)
            }
            #expect(try await issuer.count("jwks") <= 2)
            let later = try await issuer.mint(resource)
            let next = try await Self.gateway(issuer)
            let unseen = try await issuer.mint(next.origin + "/demo/mcp")
            issuer.kill()
            #expect(try await Self.ping(gateway, later).status == 400, "F14: verified by the keys at hand")
            // A gateway that never saw the keys knows nothing, and lets nobody in.
            for token in [unseen, later] {
                let refused = try await Self.ping(next, token)
                #expect(refused.status == 503 && refused.header("retry-after") != nil, "\(refused.status)")
            }
            for token in ["x", "a.b.c", ""] { #expect(try await Self.ping(next, token).status == 401) }
            #expect(ProcessTable.descendants(of: next.pid).isEmpty, "nothing was started")
        }

        @Test(
            "T08, R04: by introspection an opaque token is good until it is revoked there, and 503 while the issuer is down"
        )
        func introspection() async throws {
            let issuer = try await Issuer()
            let gateway = try await Self.gateway(
                issuer, ", introspection: {client_id: gateway, client_secret: secret-of-the-gateway, cache: 1s}")
            let token = try await issuer.mint(gateway.origin + "/demo/mcp", ["opaque": true])
            let client = try await EndToEnd.session(gateway, token: token)
            let who = try await onThread { try client.call("whoami") }
            #expect(who.text?.contains(issuer.url + "#carol") == true, "\(who.messages)")
            #expect(try await Self.ping(gateway, "opaque-made-up").status == 401)
            let foreign = try await issuer.mint("https://elsewhere.test/mcp", ["opaque": true])
            #expect(try await Self.ping(gateway, foreign).status == 401)
            #expect(try await issuer.count("refused") == 0)
            _ = try await issuer.post("/revoke", ["token": token])
            try await eventuallyTrue("the token is refused", within: .seconds(3)) {
                try await Self.ping(gateway, token).status == 401
            }
            let other = try await issuer.mint(gateway.origin + "/demo/mcp", ["opaque": true])
            issuer.kill()
            #expect(try await Self.ping(gateway, other).status == 503)
        }
    }
}
