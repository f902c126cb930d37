import Foundation
import TestSupport
import Testing

extension EndToEnd.OpenIDProviders {
    @Test("glewlwyd: login, consent, iss and a signed answer; an address that it did not verify admits nobody (I05)")
    func glewlwyd() async throws {
        let gatewayPort = try FreePort.find()
        let provider = try await Glewlwyd(callback: "http://localhost:\(gatewayPort)/callback/corp")
        func gateway(allow: String, more: String) async throws -> GatewayProcess {
            try await Self.gateway(
                provider.issuer, client: Glewlwyd.client, secret: Glewlwyd.secret, allow: allow, port: gatewayPort,
                more: more)
        }
        let byName = try await gateway(allow: "{users: [dora]}", more: "      user_claim: preferred_username")
        let walk = OAuthWalk(port: gatewayPort, user: "", password: "")
        let client = try await onThread { try walk.register() }
        let port = provider.process.port
        let tokens = try await onThread {
            try walk.tokens(client: client, via: "corp") { location in
                let back = try GlewlwydWalk(port: port).signIn(location, "dora")
                guard FormEncoding.query(of: back)["iss"] == "http://127.0.0.1:\(port)/api/oidc" else {
                    throw PlainBrowser.WalkError(description: "no iss in \(back)")
                }
                return back
            }
        }
        #expect(try EndToEnd.claims(of: tokens.access)["name"] as? String == "dora")
        _ = try await EndToEnd.session(byName, token: tokens.access)
        let refreshed = try await onThread { try walk.refresh(tokens.refresh, client: client) }
        #expect(refreshed.status == 200, "\(refreshed.text)")
        let other = try await onThread {
            try walk.answer(client: client, via: "corp") { try GlewlwydWalk(port: port).signIn($0, "emil") }
        }
        #expect(other.status == 403 && other.header("location") == nil && other.text.contains("emil"))
        await #expect(throws: PlainBrowser.WalkError.self, "a wrong password") {
            try await onThread {
                try walk.answer(client: client, via: "corp") {
                    try GlewlwydWalk(port: port).signIn($0, "dora", "wrong")
                }
            }
        }
        try await byName.terminate()

        let byAddress = try await gateway(allow: "{users: [dora@example.com]}", more: "")
        let (again, refused) = try await onThread {
            let again = try walk.register()
            return (
                again,
                try walk.answer(client: again, via: "corp") { try GlewlwydWalk(port: port).signIn($0, "dora") }
            )
        }
        #expect(again != client && refused.status == 403 && refused.header("location") == nil, "I05")
        #expect(byAddress.log.contains("identity provider failed") == false, "it was believed, and not admitted")
    }
}

/// Glewlwyd of Debian with a database of its own, one client and two users.
private struct Glewlwyd {
    static let client = "sallyport"
    static let secret = "glewlwyd-knows-0123456789"
    static let password = "correct horse"

    let process: ProviderProcess
    var issuer: String { process.origin + "/api/oidc" }

    init(callback: String) async throws {
        let directory = try TemporaryDirectory("glewlwyd")
        let port = try FreePort.find()
        let database = directory.file("glewlwyd.db")
        // The tables as the package would make them; the account in them is its well-known first one.
        try await Self.run(
            "/usr/bin/sqlite3", [database], input: "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3", directory
        )
        let configuration = try directory.write(
            "glewlwyd.conf",
            """
            port=\(port)
            bind_address="127.0.0.1"
            external_url="http://127.0.0.1:\(port)"
            login_url="login.html"
            api_prefix="api"
            log_mode="console"
            log_level="WARNING"
            cookie_secure=0
            session_key="GLEWLWYD2_SESSION_ID"
            admin_scope="g_admin"
            profile_scope="g_profile"
            user_module_path="/usr/lib/glewlwyd/user"
            client_module_path="/usr/lib/glewlwyd/client"
            user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
            plugin_module_path="/usr/lib/glewlwyd/plugin"
            hash_algorithm="SHA256"
            database={ type="sqlite3" path="\(database)" };
            """)
        process = try await ProviderProcess(
            ["/usr/bin/glewlwyd", "--config-file=\(configuration)"], port: port, readyAt: "/api/auth/", in: directory)
        let key = directory.file("key.pem")
        let publicKey = directory.file("public.pem")
        try await Self.run(
            "/usr/bin/openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], directory)
        try await Self.run("/usr/bin/openssl", ["ec", "-in", key, "-pubout", "-out", publicKey], directory)
        try await administer(
            callback: callback, key: try String(contentsOfFile: key, encoding: .utf8),
            publicKey: try String(contentsOfFile: publicKey, encoding: .utf8))
    }

    /// What an administrator sets up in its pages.
    private func administer(callback: String, key: String, publicKey: String) async throws {
        let login = try await process.request(
            "POST", "/api/auth/", ["Content-Type": "application/json"],
            body: #"{"username":"admin","password":"password"}"#)
        let cookie = login.header("set-cookie")?.components(separatedBy: ";").first ?? ""
        func post(_ path: String, _ body: [String: Any]) async throws {
            let data = try JSONSerialization.data(withJSONObject: body)
            let answer = try await process.request(
                "POST", path, ["Content-Type": "application/json", "Cookie": cookie],
                body: String(decoding: data, as: UTF8.self))
            guard answer.status == 200 else {
                throw PlainBrowser.WalkError(description: "glewlwyd \(path): \(answer.status) \(answer.text)")
            }
        }
        let name: [String: Any] = [
            "name": "preferred_username", "user-property": "username", "type": "string", "mandatory": true,
        ]
        let parameters: [String: Any] = [
            "iss": issuer, "jwt-type": "ecdsa", "jwt-key-size": "256", "key": key, "cert": publicKey,
            "access-token-duration": 3600, "refresh-token-duration": 86_400, "code-duration": 60,
            "auth-type-code-enabled": true, "auth-type-refresh-enabled": true, "refresh-token-one-use": "always",
            "jwks-show": true, "pkce-allowed": true, "pkce-required": true, "oauth-as-iss-id": true,
            "allowed-scope": ["openid", "email"], "email-claim": "mandatory", "subject-type": "public",
            "claims": [name],
        ]
        try await post(
            "/api/mod/plugin/",
            ["module": "oidc", "name": "oidc", "display_name": "OpenID", "parameters": parameters])
        for scope in ["email", "profile"] {
            try await post("/api/scope/", ["name": scope, "display_name": scope, "password_required": false])
        }
        for user in ["dora", "emil"] {
            try await post(
                "/api/user/",
                [
                    "username": user, "password": Self.password, "name": user, "email": "\(user)@example.com",
                    "scope": ["openid", "email", "profile", "g_profile"], "enabled": true,
                ])
        }
        try await post(
            "/api/client/",
            [
                "client_id": Self.client, "name": "Sallyport", "password": Self.secret, "confidential": true,
                "enabled": true, "scope": [String](), "redirect_uri": [callback],
                "authorization_type": ["code", "refresh_token"], "token_endpoint_auth_method": ["client_secret_basic"],
            ])
    }

    private static func run(
        _ program: String, _ arguments: [String], input: String = "/dev/null", _ directory: TemporaryDirectory
    ) async throws {
        let run = try RunningProgram(
            program, arguments, environment: GatewayProcess.environment(home: directory.path), in: directory.path,
            logs: directory, name: "setup", input: input)
        guard try await run.waitUntilExit(within: .seconds(30)) == .exited(0) else {
            throw PlainBrowser.WalkError(description: "\(program): \(run.errors)")
        }
    }
}

/// A browser at glewlwyd, whose pages are scripts over an interface: password, consent, and on.
private struct GlewlwydWalk {
    let port: Int

    func signIn(_ location: String, _ user: String, _ password: String = Glewlwyd.password) throws -> String {
        let browser = PlainBrowser(port: port, host: "127.0.0.1")
        let page = try browser.send("GET", location)
        let scope = FormEncoding.query(of: location)["scope"] ?? ""
        guard page.header("location")?.contains("/login.html?") == true, !scope.isEmpty else {
            throw PlainBrowser.WalkError(description: "glewlwyd: \(page.status) \(page.text)")
        }
        try send(browser, "POST", "/api/auth/", ["username": user, "password": password])
        try send(browser, "PUT", "/api/auth/grant/\(Glewlwyd.client)/", ["scope": scope])
        let answer = try browser.send("GET", location + "&g_continue")
        guard let back = answer.header("location"), back.hasPrefix("http://localhost:") else {
            throw PlainBrowser.WalkError(
                description: "glewlwyd: \(answer.status) \(answer.header("location") ?? answer.text)")
        }
        return back
    }

    private func send(_ browser: PlainBrowser, _ method: String, _ path: String, _ body: [String: String]) throws {
        let data = try JSONSerialization.data(withJSONObject: body)
        let answer = try browser.send(
            method, path, body: String(decoding: data, as: UTF8.self), headers: ["Content-Type": "application/json"])
        guard answer.status == 200 else {
            throw PlainBrowser.WalkError(description: "glewlwyd \(path): \(answer.status) \(answer.text)")
        }
    }
}
