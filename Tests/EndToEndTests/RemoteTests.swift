import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The other direction: remote servers for local clients and for the shell.
    @Suite("Remote servers")
    struct Remote {
        /// A server of the Python SDK, reachable over HTTP.
        static func server(logs: TemporaryDirectory) async throws -> (program: RunningProgram, port: Int) {
            let port = try FreePort.find()
            let program = try RunningProgram(
                Checkout.python("current"), [Checkout.client("remote_server.py"), "\(port)"],
                environment: GatewayProcess.environment(home: logs.path), logs: logs, name: "remote")
            try await eventuallyTrue("the remote server to listen: \(program.errors)", within: .seconds(20)) {
                try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/", timeout: 1)) != nil }
            }
            return (program, port)
        }

        /// Runs a command of the program against an address.
        static func shell(_ arguments: [String], token: String? = nil) async throws -> (
            exit: ProgramExit, output: String, errors: String
        ) {
            let logs = try TemporaryDirectory("shell")
            var environment = GatewayProcess.environment(home: logs.path)
            environment["SALLYPORT_TOKEN"] = token
            let program = try RunningProgram(Checkout.binary, arguments, environment: environment, logs: logs)
            defer { program.killTree() }
            let exit = try await program.waitUntilExit(within: .seconds(30))
            return (exit, program.output, program.errors)
        }

        @Test(
            "d5 d8 d9: an SDK client uses a remote server through connect, in both eras",
            arguments: ["legacy", "2026-07-28", "auto"])
        func connect(mode: String) async throws {
            let logs = try TemporaryDirectory("connect")
            let remote = try await Self.server(logs: logs)
            defer { remote.program.killTree() }
            var plan: [[String: Any]] = [
                ["tool": "echo", "arguments": ["message": "héllo \u{1F30D}\n\"line\""]],
                ["tool": "progress", "arguments": [:] as [String: Any]],
                // Refused by the server unless Mcp-Param-Region says the same as the body (c13), in Base64 here.
                ["tool": "region", "arguments": ["region": "Zürich "]],
            ]
            // A question of the server travels on the stream of the call; modern servers have none to send it on.
            if mode == "legacy" { plan.append(["tool": "elicit", "arguments": [:] as [String: Any]]) }
            let report = Clients.Report(
                raw: try await PythonClient.run(
                    "stdio_client.py", in: "current",
                    [
                        "command": [Checkout.binary, "connect", "http://127.0.0.1:\(remote.port)/mcp"],
                        "mode": mode, "plan": plan, "cancel": "slow",
                    ]))
            #expect(report.tools.contains("echo"))
            #expect(report.raw["protocol"] as? String == (mode == "legacy" ? "2025-11-25" : "2026-07-28"))
            #expect(report.text(0) == "héllo \u{1F30D}\n\"line\"")
            #expect(report.progress(1).count == 3)
            #expect(report.text(2) == "in Zürich ", "\(report.text(2))")
            #expect(report.text(3) == (mode == "legacy" ? "hello elicited" : ""), "\(report.text(3))")
            // d6: a cancelled call ends at the server, whatever the era's way to say so.
            try await eventuallyTrue("the call to be cancelled", within: .seconds(10)) {
                remote.program.output.contains("cancelled")
            }
        }

        @Test("call and list use a server in whichever era it speaks")
        func callAndList() async throws {
            let logs = try TemporaryDirectory("call")
            let remote = try await Self.server(logs: logs)
            defer { remote.program.killTree() }
            let bridge = try GatewayProcess(
                command: ["bridge"], commandTail: ["--", Checkout.binary, "demo-server"])
            try await bridge.start()
            for url in ["http://127.0.0.1:\(remote.port)/mcp", "\(bridge.origin)/mcp"] {
                let list = try await Self.shell(["list", url])
                #expect(list.exit == .exited(0) && list.output.contains("echo\tSays"), "\(list)")
                let call = try await Self.shell(["call", url, "echo", "{\"message\": \"a\\nb\"}"])
                #expect(call.exit == .exited(0) && call.output == "a\nb\n", "\(call)")
                let progress = try await Self.shell(["call", url, "progress"])
                #expect(progress.exit == .exited(0) && progress.errors.contains("step"), "\(progress)")
                let whole = try await Self.shell(["call", url, "echo", "{\"message\":\"x\"}", "--json"])
                let result = try JSONSerialization.jsonObject(with: Data(whole.output.utf8)) as? [String: Any]
                #expect((result?["content"] as? [[String: Any]])?.first?["text"] as? String == "x")
            }
            let prompts = try await Self.shell(["list", "\(bridge.origin)/mcp", "--prompts"])
            #expect(prompts.output.contains("greet"))
        }

        @Test(
            "O01: what a remote server says does not drive the terminal of whoever calls it, and reaches a program whole"
        )
        func terminal() async throws {
            let logs = try TemporaryDirectory("terminal")
            let remote = try await Self.server(logs: logs)
            defer { remote.program.killTree() }
            let url = "http://127.0.0.1:\(remote.port)/mcp"
            let piped = try await Self.shell(["call", url, "dressed"])
            #expect(
                piped.exit == .exited(0) && piped.output == "\u{1B}[31mred\u{1B}]52;c;eA==\u{7}\n\tend\n", "\(piped)")
            #expect(piped.errors.contains("step \\u{1b}[31mone"), "\(piped)")
            #expect(!piped.errors.contains("\u{1B}"))
            for command in ["call \(url) dressed", "list \(url)"] {
                let shown = try RunningProgram(
                    "/usr/bin/script", ["-qec", "\(Checkout.binary) \(command)", "/dev/null"],
                    environment: GatewayProcess.environment(home: logs.path), logs: logs)
                defer { shown.killTree() }
                #expect(try await shown.waitUntilExit(within: .seconds(30)) == .exited(0))
                #expect(shown.output.contains("\\u{1b}[31mred"), "\(command): \(shown.output)")
                #expect(!shown.output.contains("\u{1B}") && !shown.output.contains("\u{7}"), "\(command)")
            }
        }

        @Test("call and list say what is wrong")
        func mistakes() async throws {
            let free = try FreePort.find()
            let nobody = try await Self.shell(["call", "http://127.0.0.1:\(free)/mcp", "echo"])
            #expect(nobody.exit == .exited(69) && nobody.errors.contains("does not answer"), "\(nobody)")
            let open = try await Self.shell(["list", "http://mcp.example.com/mcp"])
            #expect(open.exit == .exited(64) && open.errors.contains("not encrypted"), "\(open)")
            let url = try await Self.shell(["list", "mcp.example.com"])
            #expect(url.exit == .exited(64) && url.errors.contains("no address"), "\(url)")
            let text = try await Self.shell(["call", "http://127.0.0.1:\(free)/mcp", "echo", "hello"])
            #expect(text.exit == .exited(64) && text.errors.contains("single quotes"), "\(text)")
            let gateway = try await EndToEnd.gateway()
            let refused = try await Self.shell(["list", "\(gateway.origin)/demo/mcp"], token: "nonsense")
            #expect(refused.exit == .exited(69) && refused.errors.contains("401"), "\(refused)")
            #expect(!refused.errors.contains("nonsense"))
            let failed = try await Self.shell(["call", "\(gateway.origin)/demo/mcp", "echo"])
            #expect(failed.exit == .exited(69) && failed.errors.contains("a login is needed"), "\(failed)")
        }

        /// What a person at a terminal has: a browser that walks the pages.
        static func person(_ home: String) -> [String: String] {
            var environment = GatewayProcess.environment(home: home)
            environment["BROWSER"] = "\(Checkout.python("current")) \(Checkout.client("browser.py")) %s"
            environment["WALK_USER"] = EndToEnd.user
            environment["WALK_PASSWORD"] = EndToEnd.password
            return environment
        }

        /// A session of the SDK's client by way of `connect`.
        static func whoAmI(_ url: String, _ environment: [String: String]) async throws -> Clients.Report {
            Clients.Report(
                raw: try await PythonClient.run(
                    "stdio_client.py", in: "current",
                    [
                        "command": [Checkout.binary, "connect", url], "mode": "legacy", "environment": environment,
                        "plan": [["tool": "whoami", "arguments": [:] as [String: Any]]],
                    ]))
        }

        @Test("d11: connect logs in with the browser, keeps the tokens for itself, and refreshes them")
        func login() async throws {
            let gateway = try await EndToEnd.gateway()
            let home = try TemporaryDirectory("home")
            let url = "\(gateway.origin)/demo/mcp"
            var environment = Self.person(home.path)
            #expect(try await Self.whoAmI(url, environment).text(0).isEmpty == false)
            let folder = home.file(".local/share/sallyport/remote")
            let file = try #require(
                try FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".json") })
            func kept() throws -> [String: Any] {
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
                return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            }
            let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(file)")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            // A gateway of the same user keeps its own data around it, and refuses a folder that others can look into.
            let around = try FileManager.default.attributesOfItem(atPath: home.file(".local/share/sallyport"))
            #expect(around[.posixPermissions] as? Int == 0o700)
            let first = try kept()
            #expect(first["issuer"] as? String == gateway.origin && first["refresh_token"] is String)

            // An access token that is over: to the gateway it is like any other that does not count.
            func spoil() throws {
                var text = try kept()
                text["access_token"] = "over"
                try JSONSerialization.data(withJSONObject: text).write(
                    to: URL(fileURLWithPath: "\(folder)/\(file)"))
            }

            // From here on there is no browser to log in with: what is kept must do.
            environment["BROWSER"] = "/bin/false"
            try spoil()
            #expect(try await Self.whoAmI(url, environment).text(0).isEmpty == false)
            let second = try kept()
            #expect(second["access_token"] as? String != first["access_token"] as? String)
            #expect(second["refresh_token"] as? String != first["refresh_token"] as? String, "rotated and kept")
            #expect(second["client_id"] as? String == first["client_id"] as? String)

            // The doctor refreshes once, as clients do, and keeps what comes.
            let doctor = try RunningProgram(
                Checkout.binary, ["doctor", url, "--client", "cursor", "--verbose"], environment: environment,
                logs: home, name: "doctor")
            #expect(try await doctor.waitUntilExit(within: .seconds(30)) == .exited(0), "\(doctor.errors)")
            #expect(doctor.output.contains("another refresh token came with it"), "\(doctor.output)")
            #expect(try kept()["refresh_token"] as? String != second["refresh_token"] as? String)

            // Two at once share one refresh token, and neither spends it twice.
            try spoil()
            let quiet = environment
            async let one = Self.whoAmI(url, quiet)
            async let two = Self.whoAmI(url, quiet)
            let reports = try await [one, two]
            #expect(reports.allSatisfy { !$0.text(0).isEmpty })
            let trail = try await gateway.command(["audit", "query", "--tokens", "--json"]).output
            #expect(!trail.contains("refresh_token_reused"))
        }

        @Test("d11: call and list share the login; forgotten, it is asked for again; refused, it says so")
        func sharedLogin() async throws {
            let gateway = try await EndToEnd.gateway()
            let home = try TemporaryDirectory("home")
            let url = "\(gateway.origin)/demo/mcp"
            func run(_ arguments: [String], _ changes: [String: String] = [:]) async throws -> (
                exit: ProgramExit, output: String, errors: String
            ) {
                let program = try RunningProgram(
                    Checkout.binary, arguments, environment: Self.person(home.path).merging(changes) { $1 }, logs: home)
                defer { program.killTree() }
                let exit = try await program.waitUntilExit(within: .seconds(40))
                return (exit, program.output, program.errors)
            }
            let first = try await run(["call", url, "echo", "{\"message\":\"in\"}"])
            #expect(first.exit == .exited(0) && first.output == "in\n", "\(first)")
            #expect(first.errors.contains("Log in with your browser"))
            let second = try await run(["list", url], ["BROWSER": "/bin/false"])
            #expect(second.exit == .exited(0) && !second.errors.contains("browser"), "\(second)")
            let again = try await run(["list", url, "--forget-login"])
            #expect(again.exit == .exited(0) && again.errors.contains("Log in with your browser"), "\(again)")
            // The account is closed: neither the tokens nor the login work, and the reason is told.
            #expect(try await gateway.command(["user", "disable", EndToEnd.user]).exit == .exited(0))
            // Within a second, for the running gateway hears of it from the store.
            try await eventuallyTrue("the login to be over", within: .seconds(10)) {
                let closed = try await run(["list", url], ["BROWSER": ""])
                return closed.exit == .exited(69) && closed.errors.contains("a login is needed")
            }
        }
    }
}
