import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Every secret of a run is marked, and everything that the run leaves behind is searched for it.
    @Suite("Secrets", .timeLimit(.minutes(5)))
    struct SecretsTests {
        private static let environmentSecret = "canary-of-the-environment"
        private static let argument = "canary-of-an-argument"

        /// The demo server, and one with a secret in its environment that complains about everything.
        private static func configuration(level: String) -> String {
            """
            servers:
              demo: {command: \(Checkout.binary), args: [demo-server]}
              keyed: {command: \(Checkout.binary), args: [demo-server], env: {API_TOKEN: \(environmentSecret)}}
            logging: {level: \(level), format: json}
            rate_limits: {registration: 10000/min}

            """
        }

        /// A gateway in which each kind of secret has been made, used rightly, and put where it does not belong.
        private struct Run {
            let gateway: GatewayProcess
            /// Secrets by what they are.
            var secrets: [String: String] = [:]
            /// Answers and pages that anybody may see.
            var answers: [String] = []

            init(level: String) async throws {
                gateway = try await EndToEnd.gateway(SecretsTests.configuration(level: level))
                secrets["password"] = EndToEnd.password
                secrets["environment"] = SecretsTests.environmentSecret
                secrets["argument"] = SecretsTests.argument
                try await logIn()
                try await useTokens()
                try await makeOthers()
                try await misplace()
            }

            private mutating func logIn() async throws {
                let walk = EndToEnd.walk(gateway)
                let (client, code, tokens, shown) = try await onThread {
                    let client = try walk.register()
                    let browser = PlainBrowser(port: walk.port)
                    let end = try browser.walk(
                        walk.authorizationURL(client: client), to: OAuthWalk.redirectURI, as: EndToEnd.user,
                        EndToEnd.password)
                    let code = FormEncoding.query(of: end)["code"] ?? ""
                    let tokens = try OAuthWalk.pair(in: walk.redeem(code: code, client: client))
                    return (client, code, tokens, SecretsTests.secrets(of: browser))
                }
                let refreshed = try await onThread {
                    try OAuthWalk.pair(in: walk.refresh(tokens.refresh, client: client))
                }
                secrets.merge(shown) { $1 }
                secrets["code"] = code
                secrets["verifier"] = OAuthWalk.proof.verifier
                secrets["access token"] = refreshed.access
                secrets["first access token"] = tokens.access
                secrets["refresh token"] = refreshed.refresh
                secrets["used refresh token"] = tokens.refresh
            }

            private mutating func useTokens() async throws {
                let token = try #require(secrets["access token"])
                let session = try await EndToEnd.session(gateway, token: token)
                secrets["MCP session"] = session.session
                let argument = SecretsTests.argument
                let echoed = try await onThread { try session.call("echo", id: 2, #"{"message":"\#(argument)"}"#) }
                #expect(echoed.text?.contains(argument) == true)
            }

            private mutating func makeOthers() async throws {
                let walk = EndToEnd.walk(gateway)
                let registered = try await onThread {
                    try walk.registerAnswer(["token_endpoint_auth_method": "client_secret_basic"])
                }
                secrets["client secret"] = try #require(registered.object["client_secret"] as? String)
                secrets["registration token"] = registered.object["registration_access_token"] as? String
                let made = try await gateway.command(["token", "create", "--user", EndToEnd.user])
                secrets["API key"] = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
                let key = try #require(secrets["API key"])
                let answer = try await gateway.request(
                    "POST", "/demo/mcp", ["Authorization": "Bearer \(key)", "Content-Type": "application/json"])
                #expect(answer.status != 401, "the key works: \(answer.text)")
                secrets["sealing key"] = try String(
                    contentsOfFile: gateway.directory.file("data/master.key"), encoding: .utf8
                ).trimmingCharacters(in: .newlines)
            }

            /// What careless and hostile programs do.
            private mutating func misplace() async throws {
                let form = ["Content-Type": "application/x-www-form-urlencoded"]
                let json = ["Content-Type": "application/json", "Accept": "application/json, text/event-stream"]
                let wrong = "canary-of-a-wrong-password"
                secrets["wrong password"] = wrong
                let port = gateway.port
                let stuck = try await onThread {
                    do {
                        return try PlainBrowser(port: port).walk("/login", to: "never:", as: EndToEnd.user, wrong)
                    } catch {
                        return "\(error)"
                    }
                }
                #expect(stuck.contains("401"), "a wrong password is asked for again")
                for (name, secret) in secrets where secret.allSatisfy({ $0 > " " && $0.isASCII }) {
                    let encoded = FormEncoding.encode([("access_token", secret), ("token", secret)])
                    let basic = "Basic " + Data("client:\(secret)".utf8).base64EncodedString()
                    let requests: [(String, String, [String: String], String)] = [
                        ("POST", "/demo/mcp?\(encoded)", json, PlainMCP.request("ping", id: 1)),
                        ("POST", "/demo/mcp", json.merging(["Authorization": "Bearer x\(secret)"]) { $1 }, "{}"),
                        ("POST", "/demo/mcp", json.merging(["Mcp-Session-Id": secret]) { $1 }, "{\"\(secret)\""),
                        (
                            "POST", "/token", form,
                            "grant_type=refresh_token&refresh_token=\(secret)&client_id=x&\(encoded)"
                        ),
                        ("POST", "/token", form.merging(["Authorization": basic]) { $1 }, "grant_type=\(secret)"),
                        ("POST", "/revoke", form, encoded), ("POST", "/introspect", form, encoded),
                        ("GET", "/authorize?client_id=\(FormEncoding.encode([("x", secret)]))", [:], ""),
                        ("GET", "/consent?transaction=\(secret)", [:], ""), ("GET", "/setup?link=\(secret)", [:], ""),
                        ("POST", "/register", json, "{\"redirect_uris\":[\"\(secret)\"]"),
                    ]
                    for (method, target, headers, body) in requests {
                        let answer = try await gateway.request(method, target, headers, body: body)
                        // An answer goes to whoever sent the secret; what counts is what stays behind, and errors.
                        if answer.status >= 400 { answers.append("\(name) at \(target.prefix(12)): \(answer.text)") }
                    }
                }
            }

            /// Everything that the run has left in files, but those that are secrets themselves.
            func artefacts() throws -> [(name: String, bytes: Data)] {
                let folder = gateway.directory.path
                let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
                return names.compactMap { name in
                    let isOurs = name.hasPrefix("data/") && name != "data/master.key" || name.hasPrefix("sallyport-")
                    guard isOurs, let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
                        return nil
                    }
                    return (name, bytes)
                }
            }
        }

        /// Cookies and hidden fields that a browser has seen, by where.
        fileprivate static func secrets(of browser: PlainBrowser) -> [String: String] {
            var secrets: [String: String] = [:]
            for (index, hop) in browser.hops.enumerated() {
                for cookie in hop.response.values("set-cookie") {
                    let value = cookie.split(separator: ";")[0].split(separator: "=", maxSplits: 1).last ?? ""
                    if value.utf8.count > 20 { secrets["cookie of hop \(index)"] = String(value) }
                }
                for field in PageForm.all(in: hop.response.text).flatMap(\.fields)
                where field.type == "hidden" && field.value.utf8.count > 20 {
                    secrets["\(field.name) of hop \(index)"] = field.value
                }
            }
            return secrets
        }

        private func search(
            _ text: Data, of place: String, for secrets: [String: String],
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            for (name, secret) in secrets {
                #expect(
                    text.range(of: Data(secret.utf8)) == nil, "the \(name) is in \(place)",
                    sourceLocation: sourceLocation)
            }
        }

        @Test(
            "S02, O02: no secret of a run is in the store, its log, the audit, the output, metrics or another's process",
            arguments: ["trace", "debug", "info", "notice", "warning", "error"])
        func canaries(level: String) async throws {
            let run = try await Run(level: level)
            #expect(run.secrets.count >= 18, "\(run.secrets.keys.sorted())")
            let artefacts = try run.artefacts()
            let names = artefacts.map(\.name)
            for expected in ["data/sallyport.db", "data/sallyport.db-wal"] { #expect(names.contains(expected)) }
            #expect(names.contains { $0.hasPrefix("data/audit/") } && names.contains { $0.hasPrefix("sallyport-") })
            for (name, bytes) in artefacts { search(bytes, of: name, for: run.secrets) }
            let metrics = try await run.gateway.request("GET", "/metrics")
            search(Data(metrics.text.utf8), of: "/metrics", for: run.secrets)
            for process in [run.gateway.pid] + ProcessTable.descendants(of: run.gateway.pid) {
                for file in ["cmdline", "environ"] {
                    let bytes = FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()
                    search(bytes, of: "/proc/\(process)/\(file)", for: run.secrets)
                }
            }
            #expect(!run.answers.isEmpty)
            for answer in run.answers { search(Data(answer.utf8), of: answer, for: run.secrets) }
        }

        @Test("O02: the search finds what is there")
        func searchWorks() async throws {
            let run = try await Run(level: "info")
            let marked = ["sub of the tokens": "user_", "kind of the audit": "token_issued"]
            let found = try run.artefacts().filter { artefact in
                marked.values.contains { artefact.bytes.range(of: Data($0.utf8)) != nil }
            }
            #expect(found.contains { $0.name.hasPrefix("data/sallyport.db") })
            #expect(found.contains { $0.name.hasPrefix("data/audit/") })
        }

        @Test("U07: no command and no page shows a secret that the store keeps")
        func readBack() async throws {
            let run = try await Run(level: "info")
            var secrets = run.secrets
            // What a browser shows to the user who is signed in carries the tokens of its own forms.
            secrets["hash"] = "$scrypt"
            let listings: [[String]] = [
                ["user", "list"], ["user", "show", EndToEnd.user], ["session", "list"], ["grant", "list"],
                ["token", "list"], ["key", "list"], ["stats"], ["purge", "--dry-run"], ["audit", "list"],
                ["audit", "list", "--tokens"], ["client", "list"],
            ]
            for words in listings {
                for json in [[], ["--json"]] {
                    let result = try await run.gateway.command(words + json)
                    guard result.exit != .exited(64) else { continue }  // a command that this version does not have
                    #expect(result.exit == .exited(0), "\(words): \(result.errors)")
                    search(Data((result.output + result.errors).utf8), of: words.joined(separator: " "), for: secrets)
                }
            }
            let pages = [
                "/", "/login", "/account", "/admin", "/jwks", "/health", "/ready", "/live", "/metrics",
                "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration",
                "/.well-known/oauth-protected-resource/demo/mcp",
            ]
            let port = run.gateway.port
            let walk = EndToEnd.walk(run.gateway)
            let (texts, cookies) = try await onThread {
                let browser = PlainBrowser(port: port)
                _ = try browser.walk(
                    walk.authorizationURL(client: try walk.register()), to: OAuthWalk.redirectURI, as: EndToEnd.user,
                    EndToEnd.password)
                let cookies = SecretsTests.secrets(of: browser)
                return (try pages.map { ($0, try browser.send("GET", $0).text) }, cookies)
            }
            secrets.merge(cookies) { $1 }
            for (page, text) in texts {
                #expect(!text.contains("\"d\":"), "a private key")
                search(Data(text.utf8), of: page, for: secrets)
            }
        }

        @Test("O01: whatever peers and servers send, one event is one line of JSON, in the log and in the audit")
        func logInjection() async throws {
            let payloads = [
                "a\u{1B}[31mred", "{\"level\":\"error\",\"message\":\"forged\"}", "x\u{202E}txt", "tab\there",
                "\u{9B}31m",
                "zero\u{200B}width", "quote\"", "back\\slash", String(repeating: "long", count: 1000), "\u{2028}line",
            ]
            let noise = payloads.prefix(8).joined(separator: "\\n").replacingOccurrences(of: "'", with: "")
            let script =
                "import sys,os\nsys.stderr.write(\(pythonLiteral(noise)) + '\\r\\n\\x00\\n')\nsys.stderr.flush()\n"
                + "os.execv('\(Checkout.binary)', ['sallyport', 'demo-server'])"
            let path = try TemporaryDirectory("noisy")
            let program = try path.write("noisy.py", script)
            let gateway = try await EndToEnd.gateway(
                """
                servers:
                  demo: {command: \(Checkout.binary), args: [demo-server]}
                  noisy: {command: /usr/bin/python3, args: ["\(program)"]}
                logging: {level: trace, format: json}
                rate_limits: {registration: 10000/min}

                """)
            let walk = EndToEnd.walk(gateway, to: "/noisy/mcp")
            let tokens = try await onThread { try walk.logIn() }.tokens
            let session = try await EndToEnd.session(gateway, "/noisy/mcp", token: tokens.access)
            for payload in payloads {
                _ = try await onThread { try walk.registerAnswer(["client_name": payload]) }
                let header = payload.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 32 } ? payload : "plain"
                _ = try await gateway.request(
                    "POST", "/token?\(FormEncoding.encode([("q", payload)]))",
                    ["User-Agent": String(header.prefix(2000)), "Content-Type": "application/x-www-form-urlencoded"],
                    body: FormEncoding.encode([("grant_type", payload), ("client_id", payload)]))
                let name = try #require(
                    String(
                        data: JSONSerialization.data(
                            withJSONObject: payload, options: .fragmentsAllowed), encoding: .utf8))
                _ = try await onThread {
                    try session.post(
                        #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":\#(name),"arguments":{}}}"#)
                }
            }
            try await gateway.terminate()
            var lines = 0
            let audit = try FileManager.default.contentsOfDirectory(atPath: gateway.directory.file("data/audit"))
            let files = [gateway.program?.errorPath ?? ""] + audit.map { gateway.directory.file("data/audit/\($0)") }
            for file in files {
                let bytes = try #require(FileManager.default.contents(atPath: file))
                for line in bytes.split(separator: 0x0A) where !line.isEmpty {
                    let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
                    #expect(object != nil, "no event: \(String(decoding: line.prefix(300), as: UTF8.self))")
                    #expect(object?["message"] as? String != "forged")
                    let scalars = String(decoding: line, as: UTF8.self).unicodeScalars
                    #expect(
                        !scalars.contains {
                            [.control, .format, .lineSeparator, .paragraphSeparator].contains(
                                $0.properties.generalCategory)
                        })
                    lines += 1
                }
            }
            #expect(lines > payloads.count * 2, "\(lines)")
            #expect(gateway.log.contains("red"), "the server's complaint is in the log")
        }

        private func pythonLiteral(_ text: String) -> String {
            let hex = Array(text.utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return "bytes.fromhex('\(hex)').decode()"
        }
    }
}
