import Foundation
import Telemetry
import TestSupport
import Testing

extension EndToEnd {
    /// `routing: subdomain`: each server at a host of its own.
    @Suite("Routing by subdomain")
    struct Routing {
        /// A gateway in the clear on this machine, with two servers of the same program.
        final class Site {
            let gateway: GatewayProcess
            var port: Int { gateway.port }

            init(_ settings: String = "", login: Bool = true) async throws {
                let port = try FreePort.find()
                gateway = try GatewayProcess(configuration: Self.configuration(port, settings), port: port)
                try await gateway.start()
                if login { try await gateway.addUser(EndToEnd.user, password: EndToEnd.password) }
            }

            static func configuration(_ port: Int, _ settings: String = "", servers: [String] = ["one", "two"])
                -> String
            {
                "public_url: http://localhost:\(port)\nrouting: subdomain\nservers:\n"
                    + servers.map { "  \($0): {command: \(Checkout.binary), args: [demo-server]}\n" }.joined()
                    + "rate_limits: {registration: 10000/min}\n\(settings)\n"
            }

            func host(_ server: String) -> String {
                server.isEmpty ? "localhost:\(port)" : "\(server).localhost:\(port)"
            }

            /// One request to the host of a server; the empty one is the gateway's own.
            func ask(
                _ server: String, _ target: String, _ method: String = "GET", _ headers: [String: String] = [:],
                body: String = ""
            ) async throws -> PlainResponse {
                try await gateway.request(
                    method, target, ["Host": host(server)].merging(headers) { $1 }, body: body)
            }

            /// Tokens for a server, or with the empty name for all of them as one.
            func logIn(to server: String, path: String = "/mcp") async throws -> TokenPair {
                var walk = OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password)
                walk.audience = "http://\(host(server))\(path)"
                let ready = walk
                return try await onThread { try ready.logIn().tokens }
            }

            func initialize(_ server: String, _ token: String) async throws -> PlainResponse {
                try await ask(
                    server, "/mcp", "POST",
                    [
                        "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                        "Accept": "application/json, text/event-stream",
                    ],
                    body: #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","#
                        + #""capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#)
            }
        }

        @Test("S4-20, b2: each host has its own resource, and says where the login is")
        func documents() async throws {
            let site = try await Site(login: false)
            for server in ["one", "two", ""] {
                let resource = "http://\(site.host(server))/mcp"
                for path in [
                    "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp",
                    "/mcp/.well-known/oauth-protected-resource",
                ] {
                    let document = try await site.ask(server, path)
                    #expect(document.status == 200 && document.object["resource"] as? String == resource, "\(path)")
                    #expect(
                        document.object["authorization_servers"] as? [String] == ["http://localhost:\(site.port)"])
                }
                let challenge = try await site.ask(server, "/mcp", "POST").header("www-authenticate") ?? ""
                #expect(
                    challenge.contains(
                        "resource_metadata=\"http://\(site.host(server))/.well-known/oauth-protected-resource/mcp\""),
                    "\(challenge)")
                // S1-03: who looks no further than the resource's host finds the issuer there too.
                for path in [
                    "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp",
                    "/.well-known/openid-configuration", "/.well-known/openid-configuration/mcp",
                    "/mcp/.well-known/openid-configuration",
                ] {
                    let document = try await site.ask(server, path)
                    #expect(document.object["issuer"] as? String == "http://localhost:\(site.port)", "\(path)")
                    #expect(
                        document.object["authorization_endpoint"] as? String
                            == "http://localhost:\(site.port)/authorize")
                }
            }
            let channel = try await site.ask("one", "/.well-known/oauth-protected-resource/sse")
            #expect(channel.object["resource"] as? String == "http://\(site.host("one"))/sse")
        }

        @Test("S4-20: paths of servers are not there, and neither is anything at hosts that are nobody's")
        func others() async throws {
            let site = try await Site(login: false)
            for path in ["/one/mcp", "/one/sse", "/.well-known/oauth-protected-resource/one/mcp"] {
                for server in ["", "one", "two"] {
                    #expect(try await site.ask(server, path, path.hasPrefix("/.") ? "GET" : "POST").status == 404)
                }
            }
            for host in ["three", "admin", "mcp", "a.one", "xone", "one.localhost.evil"] {
                for (path, method) in [
                    ("/mcp", "POST"), ("/sse", "GET"), ("/.well-known/oauth-protected-resource", "GET"),
                    ("/.well-known/oauth-authorization-server", "GET"), ("/token", "POST"), ("/register", "POST"),
                    ("/login", "GET"), ("/authorize", "GET"), ("/", "GET"),
                ] {
                    let answer = try await site.ask(host, path, method)
                    #expect([404, 421].contains(answer.status), "\(host)\(path): \(answer.status)")
                    #expect(!answer.text.contains("localhost") && !answer.text.contains("one"), "\(answer.text)")
                }
                #expect(try await site.ask(host, "/mcp", "POST").status == 421)
            }
        }

        @Test("U06: pages and cookies belong to the gateway's own host alone")
        func pages() async throws {
            let site = try await Site(login: false)
            for path in [
                "/", "/login", "/account", "/consent", "/setup", "/logout", "/callback", "/verify", "/jwks", "/icons",
                "/icons/x",
            ] {
                let answer = try await site.ask("one", path)
                #expect(answer.status == 404 && answer.header("set-cookie") == nil, "\(path): \(answer.status)")
            }
            // U-15: hosts that take the root for the authorization server are led to it.
            for path in ["/authorize", "/oauth/authorize"] {
                let answer = try await site.ask("one", "\(path)?client_id=x&state=a%20b")
                #expect(answer.status == 303)
                #expect(
                    answer.header("location") == "http://localhost:\(site.port)\(path)?client_id=x&state=a%20b")
                #expect(answer.header("set-cookie") == nil)
            }
            let registered = try await site.ask(
                "one", "/register", "POST", ["Content-Type": "application/json"],
                body: #"{"redirect_uris":["http://127.0.0.1:9/cb"],"token_endpoint_auth_method":"none"}"#)
            #expect(registered.status == 201, "\(registered.text)")
            #expect(
                (registered.object["registration_client_uri"] as? String)?
                    .hasPrefix("http://localhost:\(site.port)/register/") ?? false)
            let form = ["Content-Type": "application/x-www-form-urlencoded"]
            let token = try await site.ask("one", "/token", "POST", form, body: "grant_type=authorization_code")
            #expect([400, 401].contains(token.status) && token.object["error"] != nil)
            #expect(try await site.ask("one", "/token").status == 405)
            let front = try await site.ask("", "/")
            for server in ["one", "two", ""] { #expect(front.text.contains("http://\(site.host(server))/mcp")) }
            for cookie in try await site.ask("", "/login").headers where cookie.0.lowercased() == "set-cookie" {
                #expect(!cookie.1.lowercased().contains("domain="), "\(cookie.1)")
            }
        }

        @Test("T10, RFC 9449 §4.3: a proof counts at the host at which tokens are asked for, and at no other")
        func proofs() async throws {
            let site = try await Site()
            let clock = WallClock.system
            let prover = try KeyProver()
            var walk = OAuthWalk(port: site.port, user: EndToEnd.user, password: EndToEnd.password)
            walk.audience = "http://\(site.host("one"))/mcp"
            let ready = walk
            let (client, tokens) = try await onThread { try ready.logIn() }
            var refresh = tokens.refresh
            func ask(_ host: String, _ path: String, proof address: String) async throws -> PlainResponse {
                let body = ["grant_type": "refresh_token", "refresh_token": refresh, "client_id": client]
                return try await site.ask(
                    host, path, "POST",
                    [
                        "Content-Type": "application/x-www-form-urlencoded",
                        "DPoP": try prover.proof("POST", address, at: clock.now()),
                    ], body: FormEncoding.encode(body.map { ($0.key, $0.value) }))
            }
            for host in ["one", ""] {
                let others = ["one", "two", ""].filter { $0 != host }.map { "http://\(site.host($0))/token" }
                for address in others + ["http://\(site.host(host))/other", "https://\(site.host(host))/token"] {
                    let answer = try await ask(host, "/token", proof: address)
                    #expect(answer.object["error"] as? String == "invalid_dpop_proof", "\(host): \(address)")
                }
                for path in ["/token", "/oauth/token"] {
                    let answer = try await ask(host, path, proof: "http://\(site.host(host))\(path)")
                    try #require(answer.object["token_type"] as? String == "DPoP", "\(host)\(path): \(answer.text)")
                    refresh = try #require(answer.object["refresh_token"] as? String)
                    let claims = try EndToEnd.claims(of: try #require(answer.object["access_token"] as? String))
                    #expect((claims["cnf"] as? [String: Any])?["jkt"] as? String == prover.thumbprint)
                    #expect(claims["iss"] as? String == "http://localhost:\(site.port)")
                }
            }
        }

        @Test("H06: each host takes calls of its own pages and of those allowed, not of the others'")
        func origins() async throws {
            let site = try await Site("cors: {allowed_origins: [https://app.example.com]}", login: false)
            func status(_ server: String, _ origin: String) async throws -> Int {
                try await site.ask(server, "/mcp", "POST", ["Origin": origin]).status
            }
            for server in ["one", ""] {
                #expect(try await status(server, "http://\(site.host(server))") == 401)
                #expect(try await status(server, "https://app.example.com") == 401)
                for other in ["http://\(site.host("two"))", "null", "https://evil.test", "http://one.localhost"] {
                    #expect(try await status(server, other) == 403, "\(server) \(other)")
                }
            }
            #expect(try await status("one", "http://\(site.host(""))x") == 403)
            let preflight = try await site.ask("one", "/mcp", "OPTIONS", ["Origin": "https://app.example.com"])
            #expect(preflight.status == 204)
            #expect(preflight.header("access-control-allow-origin") == "https://app.example.com")
        }

        @Test("R02: a token of one host opens no other, in both transports and at /verify")
        func audiences() async throws {
            let site = try await Site()
            let tokens = ["one": try await site.logIn(to: "one").access, "": try await site.logIn(to: "").access]
            for (server, token) in tokens {
                for host in ["one", "two", ""] {
                    let answer = try await site.initialize(host, token)
                    #expect(answer.status == (host == server ? 200 : 401), "\(server) at \(host): \(answer.status)")
                }
            }
            let claims = try EndToEnd.claims(of: tokens["one"] ?? "")
            #expect(claims["aud"] as? String == "http://\(site.host("one"))/mcp")
            #expect(claims["iss"] as? String == "http://localhost:\(site.port)")
            let channel = try await site.logIn(to: "one", path: "/sse").access
            #expect(try await site.initialize("one", channel).status == 401, "a resource of its own")
            let stream = try await onThread { [port = site.port] in
                let http = try PlainHTTP(port: port, host: "one.localhost:\(port)")
                try http.send("GET", "/sse", ["Authorization": "Bearer \(channel)", "Accept": "text/event-stream"])
                let head = try http.receiveHead()
                return (head.status, try http.receiveEvent()?.data ?? "")
            }
            #expect(stream.0 == 200 && stream.1.hasPrefix("/messages?"), "\(stream)")
            let bearer = { (token: String?) in ["Authorization": "Bearer \(token ?? "")"] }
            #expect(try await site.ask("", "/verify", "GET", bearer(tokens["one"])).status == 200)
            #expect(try await site.ask("", "/verify", "GET", bearer("x")).status == 401)
            for resource in ["http://\(site.host("three"))/mcp", "http://\(site.host("one"))/one/mcp"] {
                var walk = OAuthWalk(port: site.port, user: EndToEnd.user, password: EndToEnd.password)
                walk.audience = resource
                let ready = walk
                await #expect(throws: (any Error).self, "\(resource)") { try await onThread { try ready.logIn() } }
            }
        }

        @Test(
            "F21: a server that comes has its host at once, one that goes has none, and the others keep their streams")
        func change() async throws {
            let site = try await Site()
            let token = try await site.logIn(to: "one").access
            #expect(try await site.initialize("one", token).status == 200)
            func configure(_ servers: [String]) throws {
                let text = Site.configuration(site.port, servers: servers)
                let next = try site.gateway.directory.write("next.yaml", text)
                try #require(unsafe rename(next, site.gateway.directory.file("sallyport.yaml")) == 0)
                site.gateway.program?.signal(SIGHUP)
            }
            try configure(["one", "three"])
            try await eventuallyTrue("the new host", within: .seconds(10)) {
                try await site.ask("three", "/mcp", "POST").status == 401
            }
            #expect(try await site.ask("two", "/mcp", "POST").status == 421)
            #expect(try await site.initialize("one", token).status == 200)
            #expect(
                try await site.ask("three", "/.well-known/oauth-protected-resource").object["resource"] as? String
                    == "http://\(site.host("three"))/mcp")
        }

        @Test("U-15: the doctor finds nothing that a known client would trip over")
        func doctor() async throws {
            let site = try await Site()
            let token = try await site.logIn(to: "one").access
            // The library that makes our requests finds names below localhost by itself.
            let result = try await Remote.shell(
                [
                    "doctor", "http://\(site.host("one"))/mcp", "--json", "--client",
                    "cursor,gemini,inspector,inspector-direct,typescript-sdk-1,typescript-sdk,python-sdk-1,python-sdk",
                ], token: token)
            #expect(result.exit == .exited(0), "\(result.output) \(result.errors)")
        }
    }
}
