import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Discovery documents that want something started or somebody visited, read by the built program under strace.
    @Suite("Hostile discovery")
    struct HostileDiscovery {
        /// Documents that nobody may believe: an endpoint and its value each, `MARK` being a file that a shell would make.
        private static let lies: [(String, any Sendable)] = [
            ("issuer", "https://evil.test"), ("issuer", "ISSUER/"), ("issuer", 7), ("issuer", ["ISSUER"]),
            ("authorization_endpoint", "javascript:alert(1)"), ("authorization_endpoint", "data:text/html,x"),
            ("authorization_endpoint", "a:$(touch${IFS}MARK)?response_type=code"),
            ("authorization_endpoint", "https://evil.test/$(touch$IFS$9MARK)"),
            ("authorization_endpoint", "https://evil.test/`touch$IFS$9MARK`"),
            ("authorization_endpoint", "https://evil.test/;touch$IFS$9MARK"),
            ("authorization_endpoint", "https://evil.test/|touch$IFS$9MARK"),
            ("authorization_endpoint", "https://evil.test/'&&touch$IFS$9MARK'"),
            ("authorization_endpoint", "https://evil.test/\"$(touch$IFS$9MARK)\""),
            ("authorization_endpoint", "https://evil.test/?x=$(touch$IFS$9MARK)"),
            ("authorization_endpoint", "https://evil.test/\ntouch$IFS$9MARK"),
            ("authorization_endpoint", "ms-powershell:touch MARK"), ("authorization_endpoint", "file:///bin/sh"),
            ("authorization_endpoint", "-oProxyCommand=touch MARK"), ("authorization_endpoint", "http://evil.test/"),
            ("token_endpoint", "http://169.254.169.254/latest/meta-data"),
            ("token_endpoint", "gopher://127.0.0.1:CANARY/x"),
            ("token_endpoint", "https://user@127.0.0.1:CANARY/"), ("token_endpoint", "https://127.1:CANARY/"),
            ("token_endpoint", "unix:/var/run/docker.sock"), ("token_endpoint", "|touch MARK"),
            ("jwks_uri", "file:///etc/passwd"), ("jwks_uri", "ftp://127.0.0.1:CANARY/jwks"),
            ("jwks_uri", "https://evil.test/#$(touch$IFS$9MARK)"), ("userinfo_endpoint", "ldap://127.0.0.1:CANARY/"),
            ("userinfo_endpoint", "https://evil.test/%zz"),
        ]

        /// Documents in order as far as they can be read, that lead inside.
        private static let invitations: [(String, any Sendable)] = [
            ("token_endpoint", "http://127.0.0.1:CANARY/token"), ("token_endpoint", "https://127.0.0.1:CANARY/token"),
            ("token_endpoint", "https://localhost:CANARY/token"), ("token_endpoint", "http://[::1]:CANARY/token"),
            ("jwks_uri", "http://127.0.0.2:CANARY/jwks"), ("jwks_uri", "https://[::1]:CANARY/jwks"),
            ("jwks_uri", "http://localhost:CANARY/jwks"), ("jwks_uri", "http://127.0.0.1:CANARY/jwks"),
        ]

        @Test(
            "I06: of 38 hostile documents none starts a program or reaches a canary, and the log says what was wrong",
            .timeLimit(.minutes(2)))
        func documents() async throws {
            let directory = try TemporaryDirectory("hostile")
            let (port, canary) = (try FreePort.find(), try CanaryServer())
            let mark = directory.file("mark")
            let all = Self.lies + Self.invitations
            var documents: [String: [String: Any]] = [:]
            for (index, lie) in all.enumerated() {
                let issuer = "http://127.0.0.1:\(port)/p\(index)"
                var document: [String: Any] = [
                    "issuer": issuer, "authorization_endpoint": issuer + "/authorize",
                    "token_endpoint": issuer + "/token",
                    "jwks_uri": issuer + "/jwks",
                ]
                let text = (lie.1 as? String)?.replacingOccurrences(of: "ISSUER", with: issuer)
                    .replacingOccurrences(of: "MARK", with: mark)
                    .replacingOccurrences(of: "CANARY", with: "\(canary.port)")
                document[lie.0] = text ?? lie.1
                documents["p\(index)"] = document
            }
            let file = directory.file("documents.json")
            try JSONSerialization.data(withJSONObject: documents).write(to: URL(fileURLWithPath: file))
            let provider = try await ProviderProcess(
                ["/usr/bin/python3", ProviderProcess.script("hostile_discovery.py"), "\(port)", file], port: port,
                readyAt: "/", in: directory)
            let gateway = try GatewayProcess(configuration: Self.configuration(all.count, port: port))
            let trace = gateway.directory.file("trace")
            try await gateway.start(
                within: .seconds(60),
                wrapper: ["/usr/bin/strace", "-f", "-qq", "-o", trace, "-e", "trace=execve,execveat,connect"])
            let started = try String(contentsOfFile: trace, encoding: .utf8).utf8.count

            let walk = OAuthWalk(port: gateway.port, user: "", password: "")
            let client = try await onThread { try walk.register() }
            for index in all.indices {
                let answer = try await onThread { try Self.visit(walk, client, index) }
                #expect(answer.header("location")?.contains("code=") != true, "\(all[index]): \(answer.status)")
                if index < Self.lies.count {
                    #expect(answer.status == 502 && answer.header("location") == nil, "\(all[index]): \(answer.status)")
                }
                try await gateway.logs("\"provider\":\"p\(index)\"")
            }
            try await gateway.logs("the discovery document is of another issuer: https://evil.test")
            try await gateway.logs("is not a URL that can be used")
            #expect(!FileManager.default.fileExists(atPath: mark), "a shell ran")
            #expect(canary.accepted == 0, "the canary was reached")
            for index in Self.lies.count..<all.count {
                let isAsked = provider.program.output.contains("POST /p\(index)/token")
                #expect(isAsked == (all[index].0 != "token_endpoint"), "\(all[index])")
            }
            try await gateway.terminate()
            let lines = try String(contentsOfFile: trace, encoding: .utf8).utf8.dropFirst(started)
            let calls = String(decoding: Array(lines), as: UTF8.self).split(separator: "\n")
            #expect(calls.filter { $0.contains("exec") } == [], "a program was started")
            let ports = Set(calls.compactMap { $0.firstMatch(of: /sin6?_port=htons\((\d+)\)/).flatMap { Int($0.1) } })
            // Names are asked for at port 53.
            #expect(ports.contains(port) && ports.subtracting([53]) == [port], "\(ports)")
        }

        private static func configuration(_ count: Int, port: Int) -> String {
            let providers = (0..<count).map { index in
                "    - {id: p\(index), type: oidc, issuer: \"http://127.0.0.1:\(port)/p\(index)\", client_id: sallyport, "
                    + "client_secret: s, allow: {users: [\"*\"]}}\n"
            }
            return EndToEnd.busy + "trusted_proxies: [127.0.0.1]\nlogin:\n  providers:\n" + providers.joined()
        }

        /// Chooses the provider, and comes back with a code when it sends the browser away. Returns the last answer.
        private static func visit(_ walk: OAuthWalk, _ client: String, _ index: Int) throws -> PlainResponse {
            // Pages are limited for each address.
            let here = ["X-Forwarded-For": "203.0.113.\(index + 1)"]
            let browser = PlainBrowser(port: walk.port)
            var page = try browser.send("GET", walk.authorizationURL(client: client), headers: here)
            while let location = page.header("location") { page = try browser.send("GET", location, headers: here) }
            let form = PageForm.all(in: page.text).first { $0.action == "/login/p\(index)" }
            guard let form else { throw PlainBrowser.WalkError(description: "no way to p\(index): \(page.status)") }
            let body = form.encoded(pressing: form.buttons.first)
            let away = try browser.send("POST", form.action, body: body, headers: here)
            guard let state = FormEncoding.query(of: away.header("location") ?? "")["state"] else { return away }
            let back = "/callback/p\(index)?" + FormEncoding.encode([("code", "c"), ("state", state)])
            return try browser.send("GET", back, headers: here)
        }
    }
}
