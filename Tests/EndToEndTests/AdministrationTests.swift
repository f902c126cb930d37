import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Commands over the store of a gateway that runs.
    @Suite("Administration by command", .timeLimit(.minutes(5)))
    struct AdministrationTests {
        private func json(_ text: String) throws -> Any {
            try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        }

        private func list(_ gateway: GatewayProcess, _ words: [String]) async throws -> [[String: Any]] {
            let result = try await gateway.command(words + ["--json"])
            #expect(result.exit == .exited(0), "\(result.errors)")
            return try #require(try json(result.output) as? [[String: Any]])
        }

        @Test("T08, U07: grants and sessions are listed and ended by command while the gateway runs")
        func grantsAndSessions() async throws {
            let gateway = try await EndToEnd.gateway()
            let (client, tokens) = try await EndToEnd.logIn(gateway)
            let session = try await EndToEnd.session(gateway, token: tokens.access)
            let grants = try await list(gateway, ["grant", "list", "--user", EndToEnd.user])
            let grant = try #require(grants.first)
            #expect(grants.count == 1 && grant["client_id"] as? String == client)
            let shown = try await gateway.command(["user", "show", EndToEnd.user, "--json"])
            let account = try #require(try json(shown.output) as? [String: Any])
            #expect((account["grants"] as? [Any])?.count == 1 && (account["sessions"] as? [Any])?.count == 1)
            for output in [shown.output, try await gateway.command(["grant", "list"]).output] {
                #expect(!output.contains(tokens.access) && !output.contains(tokens.refresh), "U07")
            }

            let revoked = try await gateway.command(["grant", "revoke", try #require(grant["id"] as? String)])
            #expect(revoked.exit == .exited(0), "\(revoked.errors)")
            try await eventuallyTrue("the token is dead", within: .seconds(2)) {
                try await onThread { try session.post(PlainMCP.request("ping", id: 9)).status } == 401
            }
            #expect(try await list(gateway, ["grant", "list"]).isEmpty)

            let sessions = try await list(gateway, ["session", "list"])
            let id = try #require(sessions.first?["id"] as? String)
            #expect(sessions.first?["user"] as? String == EndToEnd.user)
            #expect(try await gateway.command(["session", "end", id]).exit == .exited(0))
            #expect(try await list(gateway, ["session", "list"]).isEmpty)
            #expect(try await gateway.command(["session", "end", id]).exit == .exited(65))
            #expect(try await gateway.command(["grant", "revoke"]).exit == .exited(64), "everything has to be said")
            #expect(try await gateway.command(["grant", "revoke", "--all"]).output.contains("revoked 0"))
        }

        @Test("accounts change by command, the counts say so, and a purge tells before it acts")
        func accountsAndCounts() async throws {
            let gateway = try await EndToEnd.gateway()
            let changed = try await gateway.command(
                ["user", "set", EndToEnd.user, "--groups", "staff,ops", "--email", "a@b.test", "--admin", "--json"])
            let account = try #require(try json(changed.output) as? [String: Any])
            #expect(account["groups"] as? [String] == ["staff", "ops"] && account["admin"] as? Bool == true)
            #expect(try await gateway.command(["user", "set", EndToEnd.user]).exit == .exited(64))
            #expect(try await gateway.command(["user", "show", "nobody"]).exit == .exited(67))
            _ = try await EndToEnd.logIn(gateway)

            let stats = try #require(
                try json(try await gateway.command(["stats", "--json"]).output) as? [String: Int])
            #expect(stats["users"] == 2 && stats["administrators"] == 2 && stats["clients"] == 1)
            #expect(stats["live_grants"] == 1 && stats["browser_sessions"] == 1 && (stats["store_bytes"] ?? 0) > 0)
            #expect(try await gateway.command(["stats"]).output.contains("live grants"))

            let dry = try #require(
                try json(try await gateway.command(["purge", "--dry-run", "--json"]).output) as? [String: Any])
            #expect(dry["dry_run"] as? Bool == true)
            let wet = try #require(try json(try await gateway.command(["purge", "--json"]).output) as? [String: Any])
            #expect(wet["entries"] as? Int == dry["entries"] as? Int && wet["clients"] as? Int == 0)
        }

        @Test("the audit shows who got which token when, by user, client and time, and follows what comes")
        func audit() async throws {
            let gateway = try await EndToEnd.gateway()
            let (client, tokens) = try await EndToEnd.logIn(gateway)
            let walk = EndToEnd.walk(gateway)
            let refreshed = try await onThread { try OAuthWalk.pair(in: walk.refresh(tokens.refresh, client: client)) }
            let arguments = [
                "audit", "query", "--tokens", "--user", EndToEnd.user, "--client", client, "--since", "1h",
            ]
            var events: [[String: Any]] = []
            for _ in 0..<50 where events.count < 2 { events = try await list(gateway, arguments) }
            #expect(events.map { $0["action"] as? String } == ["token_issued", "token_refreshed"])
            for (event, token) in zip(events, [tokens.access, refreshed.access]) {
                let detail = try #require(event["detail"] as? [String: String])
                let payload = try #require(token.split(separator: ".").dropFirst().first)
                let claims = String(decoding: try #require(Data(base64URL: String(payload))), as: UTF8.self)
                let id = try #require(detail["token"])
                #expect(claims.contains("\"jti\":\"\(id)\""), "the token that was got")
                #expect(detail["resources"] == "http://localhost:\(gateway.port)/demo/mcp")
                #expect(event["remote_address"] as? String != nil)
            }
            let table = try await gateway.command(arguments).output
            #expect(table.contains(EndToEnd.user) && table.contains("token_refreshed"))
            #expect(try await list(gateway, ["audit", "query", "--tokens", "--until", "2020-01-01"]).isEmpty)
            #expect(try await list(gateway, ["audit", "query", "--client", "nobody"]).isEmpty)
            #expect(try await list(gateway, ["audit", "query", "--limit", "1"]).count == 1)
            let mistyped = try await gateway.command(["audit", "query", "--action", "token_isued"])
            #expect(mistyped.exit == .exited(64) && mistyped.errors.contains("token_issued"))

            let tail = try RunningProgram(
                Checkout.binary, ["audit", "tail", "--follow", "--data-dir", gateway.directory.file("data")],
                environment: GatewayProcess.environment(home: gateway.directory.path), logs: gateway.directory,
                name: "tail")
            defer { tail.killTree() }
            try await eventuallyTrue("what was there") { tail.output.contains("token_refreshed") }
            try await gateway.addUser("bob", password: EndToEnd.password)
            try await eventuallyTrue("what comes") { tail.output.contains("user_added") && tail.output.contains("bob") }
        }

        @Test("O01: the trail has arguments where the operator wants them, without what is to be kept out")
        func auditedArguments() async throws {
            let gateway = try await EndToEnd.gateway(
                """
                servers:
                  demo: {command: \(Checkout.binary), args: [demo-server]}
                audit: {arguments: true, redact: [iban]}

                """)
            let (_, tokens) = try await EndToEnd.logIn(gateway)
            let session = try await EndToEnd.session(gateway, token: tokens.access)
            let long = String(repeating: "x", count: 5000)
            let sent = #"{"message":"hi","IBAN":"S1","apiKey":"S2","long":"\#(long)"}"#
            let answer = try await onThread { try session.call("echo", id: 2, sent) }
            #expect(answer.text == "hi")
            let event = try await eventually("the call in the trail") {
                try await list(gateway, ["audit", "query", "--action", "tool_called"]).first
            }
            let shown = try #require((event["detail"] as? [String: String])?["arguments"])
            #expect(
                shown.hasPrefix(#"{"message":"hi","IBAN":"[redacted]","apiKey":"[redacted]","long":"xxx"#), "\(shown)")
            #expect(shown.utf8.count > 4096 && shown.hasSuffix(" bytes)"))
        }

        @Test("the audit trail can be exported, and shows when somebody touched it")
        func auditTrail() async throws {
            let gateway = try await EndToEnd.gateway()
            let (client, _) = try await EndToEnd.logIn(gateway)
            let table = gateway.directory.file("trail.csv")
            let export = ["audit", "export", table, "--format", "csv", "--client", client]
            var rows: [String] = []
            for _ in 0..<50 where rows.count < 3 {
                #expect(try await gateway.command(export + ["--replace"]).exit == .exited(0))
                rows = try String(contentsOfFile: table, encoding: .utf8).components(separatedBy: "\r\n")
            }
            #expect(rows[0].hasPrefix("time,action,outcome,user,user_name,client"))
            #expect(rows.contains { $0.contains("token_issued") && $0.contains(EndToEnd.user) && $0.contains(client) })
            #expect(try await gateway.command(export).exit == .exited(73), "nothing is replaced unasked")
            let mode = try FileManager.default.attributesOfItem(atPath: table)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let lines = try await gateway.command(["audit", "export", "--tokens"]).output.split(separator: "\n")
            #expect(try lines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) }.count == lines.count)
            #expect(lines.contains { $0.contains("token_issued") })

            let whole = try await gateway.command(["audit", "verify"])
            #expect(whole.exit == .exited(0) && whole.output.contains("whole from its beginning"), "\(whole)")
            let seal = try #require(whole.output.split(separator: " ").last).trimmingCharacters(in: .newlines)
            // Commands write to the same trail as the running gateway.
            try await gateway.addUser("bob", password: EndToEnd.password)
            _ = try await EndToEnd.logIn(gateway)
            let later = try await gateway.command(["audit", "verify", "--seal", seal])
            #expect(later.exit == .exited(0) && later.output.contains("noted is in it"), "\(later)")
            #expect(try await gateway.command(["audit", "verify", "--seal", "abc"]).exit == .exited(64))
            #expect(try await gateway.command(["audit", "verify", "--follow"]).errors.contains("audit tail"))

            let folder = gateway.directory.file("data/audit")
            let day = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).sorted().last)
            let text = try String(contentsOfFile: "\(folder)/\(day)", encoding: .utf8)
            try text.replacingOccurrences(of: client, with: "somebody-else")
                .write(toFile: "\(folder)/\(day)", atomically: false, encoding: .utf8)
            let broken = try await gateway.command(["audit", "verify", "--json"])
            #expect(broken.exit == .exited(65))
            let report = try JSONSerialization.jsonObject(with: Data(broken.output.utf8)) as? [String: Any]
            #expect(report?["whole"] as? Bool == false)
            #expect((report?["faults"] as? [[String: Any]])?.first?["day"] as? String == String(day.prefix(10)))
        }

        @Test(
            "commands name what they do not know, and never make a store",
            arguments: ["session", "grant", "audit", "stats", "purge"])
        func misuse(command: String) async throws {
            let gateway = try GatewayProcess()
            let words =
                [command] + (["stats", "purge"].contains(command) ? [] : [command == "audit" ? "query" : "list"])
            let result = try await gateway.command(words)
            #expect(result.exit == .exited(66), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: gateway.directory.file("data")))
            let help = try await gateway.command([command, "--help"], dataDirectory: false)
            #expect(help.exit == .exited(0) && help.output.contains("usage: sallyport \(command)"))
            let odd = try await gateway.command([command, "--jsom"])
            #expect(odd.exit == .exited(64) && odd.errors.contains("--json"))
        }
    }
}

extension Data {
    /// base64url without padding.
    fileprivate init?(base64URL text: String) {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        self.init(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
    }
}
