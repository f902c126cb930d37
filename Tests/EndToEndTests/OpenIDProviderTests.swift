import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Login at real OpenID providers of others.
    @Suite("Login at OpenID providers")
    struct OpenIDProviders {
        static func gateway(
            _ issuer: String, client: String, secret: String, allow: String, port: Int? = nil, more: String = ""
        ) async throws -> GatewayProcess {
            let gateway = try GatewayProcess(
                configuration: """
                    servers: {demo: {command: \(Checkout.binary), args: [demo-server]}}
                    login:
                      providers:
                        - id: corp
                          type: oidc
                          issuer: \(issuer)
                          client_id: "\(client)"
                          client_secret: "\(secret)"
                          allow: \(allow)
                    \(more)
                    """, port: port)
            try await gateway.start()
            return gateway
        }

        private static func mock(_ port: Int) async throws -> ProviderProcess {
            try await ProviderProcess(
                [
                    Checkout.pythonProgram("oidc-provider-mock", in: "idp"), "-p", String(port), "--user-claims",
                    #"{"sub":"alice","email":"alice@example.com","email_verified":true,"groups":["Admin"]}"#,
                    "--user-claims", #"{"sub":"bob","email":"bob@example.com","email_verified":true}"#,
                ], port: port, readyAt: "/.well-known/openid-configuration",
                in: try TemporaryDirectory("mock"))
        }

        /// The mock's login page takes a subject.
        private static func signIn(_ location: String, as subject: String) throws -> String {
            guard let url = URLComponents(string: location), let port = url.port else {
                throw PlainBrowser.WalkError(description: location)
            }
            let answer = try PlainHTTP.exchange(
                port: port, "POST", "\(url.percentEncodedPath)?\(url.percentEncodedQuery ?? "")",
                ["Host": "127.0.0.1:\(port)", "Content-Type": "application/x-www-form-urlencoded"],
                body: Array("sub=\(subject)".utf8))
            guard let back = answer.header("location") else {
                throw PlainBrowser.WalkError(description: "mock: \(answer.status) \(answer.text)")
            }
            return back
        }

        @Test("oidc-provider-mock: from discovery to tokens, refresh asks again, others stay out")
        func mock() async throws {
            let port = try FreePort.find()
            let provider = try await Self.mock(port)
            let gateway = try await Self.gateway(
                provider.origin, client: "sallyport", secret: "secret", allow: "{users: [alice@example.com]}")
            let walk = OAuthWalk(port: gateway.port, user: "", password: "")
            let client = try await onThread { try walk.register() }
            let tokens = try await onThread {
                try walk.tokens(client: client, via: "corp") { try Self.signIn($0, as: "alice") }
            }
            let claims = try EndToEnd.claims(of: tokens.access)
            #expect(claims["email"] as? String == "alice@example.com")
            _ = try await EndToEnd.session(gateway, token: tokens.access)
            _ = try await onThread { try OAuthWalk.pair(in: walk.refresh(tokens.refresh, client: client)) }
            let refused = try await onThread {
                try walk.answer(client: client, via: "corp") { try Self.signIn($0, as: "bob") }
            }
            #expect(refused.status == 403 && refused.header("location") == nil)
            #expect(refused.text.contains("bob@example.com"))
        }

        @Test("F14: a provider that is not there yet keeps nobody from starting, and works when it comes")
        func comesLater() async throws {
            let port = try FreePort.find()
            let gateway = try await Self.gateway(
                "http://127.0.0.1:\(port)", client: "sallyport", secret: "s", allow: "{users: [\"*\"]}")
            let walk = OAuthWalk(port: gateway.port, user: "", password: "")
            let client = try await onThread { try walk.register() }
            let before = ContinuousClock.now
            await #expect(throws: PlainBrowser.WalkError.self) {
                try await onThread { try walk.answer(client: client, via: "corp") { $0 } }
            }
            #expect(ContinuousClock.now - before < .seconds(10))
            let provider = try await Self.mock(port)
            // The first failure is remembered for ten seconds, so that a dead provider is not hammered.
            let tokens = try await eventually("a login", within: .seconds(30), every: .milliseconds(500)) {
                try await onThread {
                    try? walk.tokens(client: client, via: "corp") { try Self.signIn($0, as: "alice") }
                }
            }
            provider.program.killTree()
            // Tokens and refresh go on while it is gone.
            _ = try await EndToEnd.session(gateway, token: tokens.access)
            _ = try await onThread { try OAuthWalk.pair(in: walk.refresh(tokens.refresh, client: client)) }
        }

        @Test("Canaille: registration, login and consent there, iss in the answer, a public key by its discovery")
        func canaille() async throws {
            let port = try FreePort.find()
            let gatewayPort = try FreePort.find()
            let directory = try TemporaryDirectory("canaille")
            let program = Checkout.pythonProgram("canaille", in: "idp")
            try directory.write(
                "canaille.toml",
                """
                SECRET_KEY = "0123456789abcdef0123456789abcdef"
                [CANAILLE]
                [CANAILLE_SQL]
                DATABASE_URI = "sqlite:///\(directory.file("canaille.sqlite"))"
                [CANAILLE_OIDC]
                DYNAMIC_CLIENT_REGISTRATION_OPEN = true
                """)
            let variables = ["CANAILLE_CONFIG": directory.file("canaille.toml")]
            for arguments in [
                ["install"],
                [
                    "create", "user", "--user-name", "carol", "--password", "correct horse", "--family-name", "Carol",
                    "--emails", "carol@example.com",
                ],
            ] {
                let run = try RunningProgram(
                    program, arguments,
                    environment: GatewayProcess.environment(home: directory.path).merging(variables) { $1 },
                    in: directory.path, logs: directory, name: "setup")
                #expect(try await run.waitUntilExit(within: .seconds(60)) == .exited(0), "\(run.errors.suffix(2000))")
            }
            let provider = try await ProviderProcess(
                [program, "run", "--bind", "127.0.0.1:\(port)"], port: port,
                readyAt: "/.well-known/openid-configuration", in: directory, environment: variables)
            let registration = try await provider.request(
                "POST", "/oauth/register", ["Content-Type": "application/json"],
                body: """
                    {"client_name":"sallyport","redirect_uris":["http://localhost:\(gatewayPort)/callback/corp"],\
                    "grant_types":["authorization_code","refresh_token"],"response_types":["code"],\
                    "scope":"openid profile email","token_endpoint_auth_method":"client_secret_basic"}
                    """)
            let registered = try #require(registration.object["client_id"] as? String, "\(registration.text)")
            let secret = try #require(registration.object["client_secret"] as? String)
            // Its issuer ends with a slash, and is compared as it is. The user name is the subject, and no address is verified.
            let gateway = try await Self.gateway(
                provider.origin + "/", client: registered, secret: secret, allow: "{users: [carol]}", port: gatewayPort,
                more: "      user_claim: sub")
            let walk = OAuthWalk(port: gateway.port, user: "", password: "")
            let client = try await onThread { try walk.register() }
            let tokens = try await onThread {
                try walk.tokens(client: client, via: "corp") { try CanailleWalk(port: port).signIn($0, "carol") }
            }
            #expect(try EndToEnd.claims(of: tokens.access)["name"] as? String == "carol@example.com")
            _ = try await EndToEnd.session(gateway, token: tokens.access)
        }
    }
}

/// A browser at Canaille: name, password, consent.
private struct CanailleWalk {
    let port: Int

    func signIn(_ location: String, _ user: String) throws -> String {
        let browser = PlainBrowser(port: port, host: "127.0.0.1")
        var target = location
        var response = try browser.send("GET", location)
        for _ in 0..<12 {
            if let next = response.header("location") {
                if next.hasPrefix("http://localhost:") { return next }
                target = next
                response = try browser.send("GET", next)
                continue
            }
            let forms = PageForm.all(in: response.text)
            guard
                var form = forms.first(where: { form in
                    form.fields.contains { ["login", "password"].contains($0.name) }
                        || form.buttons.contains { $0.name == "answer" && $0.value == "accept" }
                })
            else { break }
            for index in form.fields.indices {
                if form.fields[index].name == "login" { form.fields[index].value = user }
                if form.fields[index].name == "password" { form.fields[index].value = "correct horse" }
            }
            let button = form.buttons.first { $0.value == "accept" } ?? form.buttons.first
            response = try browser.submit(form, on: target, pressing: button)
        }
        throw PlainBrowser.WalkError(
            description: "Canaille at \(target): \(response.status) \(response.text.suffix(3000))")
    }
}
