import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Login by GitHub, against a stand-in that behaves as GitHub documents it.
    @Suite("Login by GitHub")
    struct GitHub {
        /// A gateway and a GitHub of its own.
        struct Setting {
            let github: ProviderProcess
            let gateway: GatewayProcess
            let walk: OAuthWalk
            let client: String

            init(allow: String, secret: String = "github client secret") async throws {
                let port = try FreePort.find()
                let gatewayPort = try FreePort.find()
                let directory = try TemporaryDirectory("github")
                github = try await ProviderProcess(
                    [
                        "/usr/bin/python3", ProviderProcess.script("github.py"), String(port),
                        "http://localhost:\(gatewayPort)/callback",
                    ], port: port, readyAt: "/", in: directory)
                gateway = try GatewayProcess(
                    configuration: """
                        servers: {demo: {command: \(Checkout.binary), args: [demo-server]}}
                        login:
                          providers:
                            - id: github
                              type: github
                              base_url: http://127.0.0.1:\(port)
                              client_id: Iv1.0123456789abcdef
                              client_secret: "\(secret)"
                              allow: \(allow)
                        """, port: gatewayPort)
                try await gateway.start()
                let walk = OAuthWalk(port: gateway.port, user: "", password: "")
                self.walk = walk
                client = try await onThread { try walk.register() }
            }

            /// What the callback answered to a user of GitHub.
            func arrive(_ user: String, refusing: Bool = false) async throws -> PlainResponse {
                let (walk, client) = (walk, client)
                return try await onThread {
                    try walk.answer(client: client, via: "github") { try GitHub.back($0, user, refusing) }
                }
            }

            func tokens(_ user: String) async throws -> TokenPair {
                let (walk, client) = (walk, client)
                return try await onThread {
                    try walk.tokens(client: client, via: "github") { try GitHub.back($0, user, false) }
                }
            }

            /// A provider is asked about a user at most once a minute: makes the last question an old one.
            func forgetQuestion() async throws {
                let logs = try TemporaryDirectory("question")
                let act =
                    "import sqlite3,sys; c = sqlite3.connect(sys.argv[1], timeout=10); "
                    + "c.execute('UPDATE identity SET asked_at = 0'); c.commit()"
                let program = try RunningProgram(
                    "/usr/bin/python3", ["-c", act, gateway.dataDirectory + "/sallyport.db"], logs: logs)
                #expect(try await program.waitUntilExit() == .exited(0), "\(program.errors)")
            }

            func control(_ change: String) async throws {
                #expect(try await github.request("POST", "/_control", body: change).status == 200)
            }
        }

        /// GitHub knows the browser and the app, and sends it straight back.
        fileprivate static func back(_ location: String, _ user: String, _ refusing: Bool) throws -> String {
            guard let url = URLComponents(string: location), let port = url.port else {
                throw PlainBrowser.WalkError(description: location)
            }
            let target = "\(url.percentEncodedPath)?\(url.percentEncodedQuery ?? "")"
            let answer = try PlainHTTP.exchange(
                port: port, "GET", target,
                ["Host": "127.0.0.1:\(port)", "Cookie": "user=\(user)" + (refusing ? "; refuses=yes" : "")])
            guard let back = answer.header("location") else {
                throw PlainBrowser.WalkError(description: "GitHub: \(answer.status) \(answer.text)")
            }
            return back
        }

        @Test("a user on the list gets in, in whatever case; the tool sees who it is")
        func user() async throws {
            let setting = try await Setting(allow: "{users: [OCTOCAT]}")
            let tokens = try await setting.tokens("octocat")
            let claims = try EndToEnd.claims(of: tokens.access)
            // The primary verified address and the login, not the public address that anybody may type.
            #expect(claims["email"] as? String == "octocat@corp.test" && claims["name"] as? String == "octocat")
            _ = try await EndToEnd.session(setting.gateway, token: tokens.access)
            let listing = try await setting.gateway.command(["user", "list"])
            let line = listing.output.split(separator: "\n").first { $0.hasPrefix("github:octocat") }
            #expect(line?.contains("active") == true, "\(listing.output)")
            let stranger = try await setting.arrive("stranger")
            #expect(stranger.status == 403 && stranger.header("location") == nil)
        }

        @Test("organizations on the third page and teams count; other members of GitHub do not")
        func organizations() async throws {
            let setting = try await Setting(allow: "{organizations: [ORG-250]}")
            _ = try await setting.tokens("octocat")
            #expect(try await setting.arrive("OctoDog").status == 403)
            let teams = try await Setting(allow: "{teams: [org-250/core]}")
            _ = try await teams.tokens("octocat")
            #expect(try await teams.arrive("OctoDog").status == 403)
        }

        @Test("I07: the rate limit, in both of its forms, is temporarily_unavailable and not a refusal")
        func rateLimit() async throws {
            let setting = try await Setting(allow: "{users: [\"*\"]}")
            for kind in ["primary", "secondary"] {
                try await setting.control(#"{"rate_limit": "\#(kind)"}"#)
                let answer = try await setting.arrive("octocat")
                let location = try #require(answer.header("location"), "\(answer.status) \(answer.text)")
                #expect(FormEncoding.query(of: location)["error"] == "temporarily_unavailable")
            }
            try await setting.control(#"{"rate_limit": null}"#)
            _ = try await setting.tokens("octocat")
        }

        @Test(
            "errors with status 200 are errors: a wrong secret lets nobody in, a user who refuses is told to the client"
        )
        func errors() async throws {
            let setting = try await Setting(allow: "{users: [\"*\"]}", secret: "wrong")
            let answer = try await setting.arrive("octocat")
            #expect(FormEncoding.query(of: answer.header("location") ?? "")["error"] == "server_error")
            let refused = try await setting.arrive("octocat", refusing: true)
            #expect(FormEncoding.query(of: refused.header("location") ?? "")["error"] == "access_denied")
        }

        @Test("I08: whose token GitHub took back, or who left the organization, loses access at the next refresh")
        func withdrawn() async throws {
            let setting = try await Setting(allow: "{organizations: [org-7]}")
            try await setting.control(#"{"expiring": true}"#)
            let tokens = try await setting.tokens("OctoDog")
            try await setting.forgetQuestion()
            let (walk, client) = (setting.walk, setting.client)
            let again = try await onThread { try OAuthWalk.pair(in: walk.refresh(tokens.refresh, client: client)) }
            try await setting.control(#"{"remove_from": ["OctoDog", "org-7"]}"#)
            try await setting.forgetQuestion()
            let refused = try await onThread { try walk.refresh(again.refresh, client: client) }
            #expect(refused.status == 400 && refused.object["error"] as? String == "invalid_grant")
            let call = try await setting.gateway.request(
                "POST", "/demo/mcp", ["Authorization": "Bearer \(again.access)", "Content-Type": "application/json"])
            #expect(call.status == 401)
        }
    }
}
