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
            #expect(failed.exit == .exited(69) && failed.errors.contains("401"), "\(failed)")
        }
    }
}
