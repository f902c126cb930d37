import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `sallyport doctor` against our gateway, against an SDK's server, and against doors that do one thing wrong each.
    @Suite("Doctor")
    struct Doctor {
        private struct Report {
            let exit: ProgramExit
            let errors: String
            let raw: [String: Any]

            private func client(_ id: String) -> [String: Any] {
                (raw["clients"] as? [[String: Any]])?.first { $0["id"] as? String == id } ?? [:]
            }

            var ids: [String] { (raw["clients"] as? [[String: Any]])?.compactMap { $0["id"] as? String } ?? [] }

            func verdict(_ id: String) -> String? { client(id)["verdict"] as? String }

            /// What is said of a client, verdict first.
            func findings(_ id: String) -> [String] {
                (client(id)["findings"] as? [[String: Any]] ?? []).map {
                    "\($0["verdict"] ?? ""): \($0["seen"] ?? "") -> \($0["remedy"] ?? "")"
                }
            }

            func says(_ verdict: String, _ words: String, _ id: String) -> Bool {
                findings(id).contains { $0.hasPrefix(verdict) && $0.contains(words) }
            }
        }

        /// The clients that need nothing but this machine.
        private static let local =
            "cursor,gemini,inspector,inspector-direct,typescript-sdk-1,typescript-sdk,python-sdk-1,python-sdk"

        private func examine(_ url: String, _ more: [String] = [], token: String? = nil) async throws -> Report {
            let result = try await Remote.shell(["doctor", url, "--json"] + more, token: token)
            let object = try? JSONSerialization.jsonObject(with: Data(result.output.utf8))
            return Report(exit: result.exit, errors: result.errors, raw: object as? [String: Any] ?? [:])
        }

        @Test("U-15: every known client that needs nothing but this machine gets in here, with a login to the end")
        func ours() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.busy)
            let url = "\(gateway.origin)/demo/mcp"
            let door = try await examine(url, ["--client", Self.local])
            #expect(door.exit == .exited(0) && door.raw["login"] as? Bool == false, "\(door)")
            #expect(door.ids.joined(separator: ",") == Self.local)
            for id in door.ids { #expect(["ok", "note"].contains(door.verdict(id)), "\(id): \(door.findings(id))") }
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let whole = try await examine(
                url, ["--client", Self.local, "--tool", "echo", "--arguments", "{\"message\": \"x\"}"], token: token)
            #expect(whole.exit == .exited(0) && whole.raw["login"] as? Bool == true, "\(whole)")
            #expect(whole.says("ok", "tools/call", "typescript-sdk"), "\(whole.findings("typescript-sdk"))")
            #expect(whole.says("ok", "2026-07-28", "python-sdk"), "\(whole.findings("python-sdk"))")
            #expect(whole.says("ok", ", 2025-06-18", "gemini"), "\(whole.findings("gemini"))")
            // What runs at its maker's cannot come here, and is told why.
            let hosted = try await examine(url, ["--client", "claude,chatgpt", "--no-login"])
            #expect(hosted.exit == .exited(65) && hosted.says("problem", "not on the internet", "chatgpt"))
            // Nothing of all that is left: no registration but that of the login, no session.
            let clients = try await gateway.command(["client", "list", "--json"])
            #expect(!clients.output.contains("MCP Inspector"), "\(clients.output)")
        }

        @Test("a server without a login, in whichever era it speaks, is examined as well, and said to be open")
        func open() async throws {
            let logs = try TemporaryDirectory("doctor-open")
            let remote = try await Remote.server(logs: logs)
            defer { remote.program.killTree() }
            let report = try await examine(
                "http://127.0.0.1:\(remote.port)/mcp", ["--client", "typescript-sdk,typescript-sdk-1"])
            #expect(report.exit == .exited(0), "\(report)")
            #expect(report.says("note", "without a login", "typescript-sdk"), "\(report.findings("typescript-sdk"))")
            #expect(report.says("ok", "tools/list", "typescript-sdk-1"), "\(report.findings("typescript-sdk-1"))")
        }

        /// A fault, the client that meets it, how bad it is, words of what is said; and a client that does not mind.
        private static let faults: [(fault: String, client: String, verdict: String, words: String, unmoved: String?)] =
            [
                ("forbidden", "python-sdk", "problem", "must be 401", "vscode"),
                ("moved", "typescript-sdk", "problem", "/good/mcp", nil),
                ("mute", "inspector", "warning", "WWW-Authenticate", "python-sdk-1"),
                ("mute", "gemini", "problem", "HEAD", nil),
                ("head", "gemini", "problem", "answer HEAD", "cursor"),
                ("dead", "typescript-sdk-1", "warning", "no metadata of the resource", "python-sdk"),
                ("resource", "inspector", "problem", "elsewhere.example", nil),
                ("resource", "vscode", "warning", "elsewhere.example", nil),
                ("parent", "gemini", "problem", "a last slash too", "typescript-sdk"),
                ("page", "python-sdk", "warning", "no JSON", nil),
                ("noresource", "chatgpt", "problem", "no metadata of the resource", nil),
                ("issuer", "typescript-sdk", "problem", "says that it is", "typescript-sdk-1"),
                ("pkce", "inspector", "problem", "S256", "python-sdk-1"),
                ("error", "cursor", "problem", "500", nil),
                ("error", "python-sdk-1", "warning", "/authorize", nil),
                ("nometadata", "gemini", "problem", "publishes no metadata", nil),
                ("closed", "typescript-sdk", "problem", "takes no registrations", nil),
                ("insecure", "cursor", "problem", "over https", nil),
                ("uris", "cursor", "problem", "no such scheme", "inspector"),
                ("null", "typescript-sdk", "problem", "logo_uri", "python-sdk"),
                ("refuses", "python-sdk", "problem", "refuses what it has just registered", nil),
                ("token", "python-sdk", "warning", "invalid_grant", nil),
                ("refresh", "typescript-sdk-1", "warning", "for a refresh token that nobody issued", nil),
            ]

        @Test("each of 23 faults at the door is found for the clients that mind it, and not for those that do not")
        func faults() async throws {
            let logs = try TemporaryDirectory("doctor-faults")
            let port = try FreePort.find()
            let door = try RunningProgram(
                "/usr/bin/python3", [Checkout.client("faulty_door.py"), "\(port)"],
                environment: GatewayProcess.environment(home: logs.path), logs: logs, name: "door")
            defer { door.killTree() }
            try await eventuallyTrue("the door to listen: \(door.errors)", within: .seconds(20)) {
                try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/", timeout: 1)) != nil }
            }
            let url = { (fault: String) in "http://127.0.0.1:\(port)/\(fault)/mcp" }
            let good = try await examine(url("good"), ["--no-login", "--client", Self.local + ",claude-code,vscode"])
            // The pages of the old Inspector are another matter: this door knows nothing of CORS.
            for id in good.ids where id != "inspector-direct" {
                #expect(good.verdict(id) == "ok", "\(id): \(good.findings(id))")
            }
            #expect(good.says("problem", "keeps the page", "inspector-direct"))
            for row in Self.faults {
                let report = try await examine(
                    url(row.fault),
                    ["--no-login", "--client", ([row.client] + [row.unmoved].compactMap { $0 }).joined(separator: ",")])
                #expect(report.says(row.verdict, row.words, row.client), "\(row): \(report.findings(row.client))")
                if row.verdict == "problem" { #expect(report.exit == .exited(65), "\(row)") }
                if let unmoved = row.unmoved {
                    #expect(report.verdict(unmoved) != "problem", "\(row): \(report.findings(unmoved))")
                    if row.verdict == "problem" { #expect(!report.says("problem", row.words, unmoved)) }
                }
            }
            // Behind the door.
            for (fault, verdict, words) in [
                ("version", "problem", "1999-01-01"), ("names", "warning", "two words"),
                ("schema", "problem", "inputSchema"), ("nostream", "warning", "answer 405"),
                ("lists", "warning", "1 of prompts lack name"), ("lists", "warning", "to resources/list"),
                ("lists", "warning", "to resources/templates/list"), ("notools", "note", "announces no tools"),
            ] {
                let report = try await examine(url(fault), ["--client", "python-sdk-1"], token: "open-sesame")
                #expect(report.says(verdict, words, "python-sdk-1"), "\(fault): \(report.findings("python-sdk-1"))")
            }
            let call = try await examine(
                url("good"), ["--client", "cursor", "--tool", "tool"], token: "open-sesame")
            #expect(call.exit == .exited(0) && call.says("note", "tool says that it failed: no", "cursor"), "\(call)")
            #expect(!door.output.contains("the token came to"), "\(door.output)")
            // The transport of 2024-11-05 alone: who falls back to it gets in, by its stream.
            let events = try await examine(
                url("events"), ["--client", "vscode,cursor,gemini,typescript-sdk-1", "--tool", "tool"])
            for id in ["vscode", "cursor", "gemini"] {
                #expect(events.verdict(id) == "warning", "\(id): \(events.findings(id))")
                #expect(events.says("ok", "to tools/list", id) && events.says("note", "tool says that it failed", id))
            }
            #expect(events.verdict("typescript-sdk-1") == "problem")
            let abroad = try await examine(url("eventsabroad"), ["--client", "cursor"])
            #expect(
                abroad.says("problem", "\"endpoint\" says https://elsewhere.example/", "cursor"),
                "\(abroad.findings("cursor"))")
            // What was registered is removed where that can be done.
            _ = try await examine(url("removed"), ["--no-login", "--client", "cursor"])
            #expect(door.output.contains("DELETE /removed/gone") || door.errors.contains("DELETE /removed/gone"))
            let silent = try await examine(url("good"), ["--no-login", "--no-register", "--client", "gemini"])
            #expect(silent.exit == .exited(0) && silent.says("note", "no registration", "gemini"))
        }

        @Test("doctor says what is wrong with its own command line, and that nobody answers")
        func mistakes() async throws {
            let free = try FreePort.find()
            let nobody = try await Remote.shell(["doctor", "http://127.0.0.1:\(free)/mcp"])
            #expect(nobody.exit == .exited(69) && nobody.errors.contains("does not answer"), "\(nobody)")
            let unknown = try await Remote.shell(["doctor", "http://127.0.0.1:\(free)/mcp", "--client", "netscape"])
            #expect(unknown.exit == .exited(64) && unknown.errors.contains("known: claude"), "\(unknown)")
            let lonely = try await Remote.shell(["doctor", "http://127.0.0.1:\(free)/mcp", "--arguments", "{}"])
            #expect(lonely.exit == .exited(64) && lonely.errors.contains("--tool"), "\(lonely)")
        }
    }
}
