import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Real clients, unmodified servers, nothing mocked between them.
    @Suite("Real clients")
    struct Clients {
        /// Every client of the tests: which script in which environment, with which settings.
        struct Client: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let script: String
            let environment: String
            var mode: String?
        }

        static let all = [
            Client(
                testDescription: "Python SDK 2.x, without a handshake", script: "sdk_current.py",
                environment: "current",
                mode: "auto"),
            Client(
                testDescription: "Python SDK 2.x, handshake", script: "sdk_current.py", environment: "current",
                mode: "legacy"),
            Client(testDescription: "Python SDK 1.x", script: "sdk_legacy.py", environment: "legacy"),
            Client(
                testDescription: "Python SDK 1.x, HTTP+SSE", script: "sdk_legacy.py", environment: "legacy", mode: "sse"
            ),
            Client(testDescription: "FastMCP", script: "fastmcp_client.py", environment: "fastmcp"),
        ]

        /// What one client did: its tools, the result of each step of the plan.
        struct Report {
            let raw: [String: Any]
            var tools: [String] { raw["tools"] as? [String] ?? [] }
            var results: [[String: Any]] { raw["results"] as? [[String: Any]] ?? [] }
            func text(_ index: Int) -> String {
                index < results.count ? results[index]["text"] as? String ?? "" : ""
            }
            func failed(_ index: Int) -> Bool {
                index < results.count ? results[index]["error"] as? Bool ?? true : true
            }
            func progress(_ index: Int) -> [[Any]] {
                index < results.count ? results[index]["progress"] as? [[Any]] ?? [] : []
            }
        }

        /// Lets `client` log in at `path` of `gateway` and work through `plan`.
        static func run(
            _ client: Client, _ gateway: GatewayProcess, _ path: String, _ plan: [[String: Any]], refresh: Bool = false
        ) async throws -> Report {
            var job: [String: Any] = [
                "url": gateway.origin + (client.mode == "sse" ? path.replacing("/mcp", with: "/sse") : path),
                "user": EndToEnd.user, "password": EndToEnd.password, "plan": plan,
                "refresh": refresh,
            ]
            job["mode"] = client.mode
            let browser = "\(Checkout.python("current")) \(Checkout.client("browser.py")) %s"
            let report = try await PythonClient.run(
                client.script, in: client.environment, job,
                extra: ["BROWSER": browser, "WALK_USER": EndToEnd.user, "WALK_PASSWORD": EndToEnd.password])
            return Report(raw: report)
        }

        @Test("the demo server: calls, progress, sampling, elicitation, roots, log", arguments: all)
        func demonstration(client: Client) async throws {
            let gateway = try await EndToEnd.gateway()
            let plan: [[String: Any]] = [
                ["tool": "echo", "arguments": ["message": "héllo \u{1F30D} \"quoted\"\nline"]],
                ["tool": "add", "arguments": ["a": 2, "b": 40]],
                ["tool": "progress", "arguments": [:] as [String: Any]],
                ["tool": "sample", "arguments": [:] as [String: Any]],
                ["tool": "elicit", "arguments": [:] as [String: Any]],
                ["tool": "roots", "arguments": [:] as [String: Any]],
                ["tool": "log", "arguments": ["message": "noted"]],
                ["tool": "whoami", "arguments": [:] as [String: Any]],
            ]
            let report = try await Self.run(client, gateway, "/demo/mcp", plan, refresh: client.mode != nil)
            #expect(
                Set(report.tools).isSuperset(of: ["echo", "add", "sleep", "progress", "sample", "elicit", "roots"]))
            #expect(report.results.count == plan.count)
            if client.mode == "auto" { #expect(report.raw["protocol"] as? String == "2026-07-28") }
            if client.mode == "legacy" { #expect(report.raw["protocol"] as? String == "2025-11-25") }
            #expect(report.text(0).contains("héllo \u{1F30D} \"quoted\"\nline"))
            #expect(report.text(1).contains("42"))
            #expect(report.progress(2).count >= 2)
            #expect(report.text(3).contains("sampled by the client"))
            #expect(!report.failed(4), "elicitation: \(report.text(4))")
            #expect(report.text(4).contains("elicited") || report.text(4).contains("accept"), "\(report.text(4))")
            #expect(report.text(5).contains("file:///tests/root"), "\(report.text(5))")
            #expect((report.raw["logs"] as? [Any])?.isEmpty == false)
            #expect(report.text(7).contains(EndToEnd.user))
            if client.mode != nil {
                #expect(report.raw["rotated"] as? Bool == true)
                #expect(report.raw["walks"] as? Int == 1, "a refresh needs no second visit to the login page")
            }
        }

        @Test("mcp-server-time, mcp-server-git and mcp-server-fetch, from an mcpServers file", arguments: all)
        func realServers(client: Client) async throws {
            let place = try TemporaryDirectory("servers")
            let repository = try await Self.repository(in: place)
            try place.makeFolder("site")
            try place.write("site/page.html", "<html><title>A page</title><body><p>sally out</p></body></html>")
            let sitePort = try FreePort.find()
            let site = try RunningProgram(
                "/usr/bin/python3", ["-m", "http.server", "\(sitePort)", "--bind", "127.0.0.1"], in: place.file("site"),
                logs: place, name: "site")
            defer { site.killTree() }
            let gateway = try await EndToEnd.gateway(
                Self.mcpServers(repository: repository), fileName: "claude_desktop_config.json",
                environment: ["ZONE": "Asia/Tokyo"])

            let time = try await Self.run(
                client, gateway, "/time/mcp",
                [["tool": "get_current_time", "arguments": ["timezone": "Europe/Zurich"]]])
            #expect(time.tools.contains("convert_time"))
            #expect(time.text(0).contains("Europe/Zurich"))

            let git = try await Self.run(
                client, gateway, "/git/mcp", [["tool": "git_log", "arguments": ["repo_path": repository]]])
            #expect(git.text(0).contains("the first commit"), "\(git.text(0))")

            let fetch = try await Self.run(
                client, gateway, "/fetch/mcp",
                [["tool": "fetch", "arguments": ["url": "http://127.0.0.1:\(sitePort)/page.html"]]])
            #expect(fetch.text(0).contains("sally out"), "\(fetch.text(0))")
        }

        /// The file as Claude Desktop writes it: commands, arguments, environment, a variable to expand.
        static func mcpServers(repository: String) -> String {
            let time = Checkout.pythonProgram("mcp-server-time")
            let git = Checkout.pythonProgram("mcp-server-git")
            let fetch = Checkout.pythonProgram("mcp-server-fetch")
            return """
                {"mcpServers": {
                  "time": {"command": "\(time)", "args": ["--local-timezone", "${ZONE}"]},
                  "git": {"command": "\(git)", "args": ["--repository", "\(repository)"]},
                  "fetch": {"command": "\(fetch)", "args": ["--ignore-robots-txt", "--allow-private-ips"],
                            "env": {"PATH": "/nonexistent"}}
                }}
                """
        }

        /// A repository with one commit.
        static func repository(in place: TemporaryDirectory) async throws -> String {
            let path = try place.makeFolder("repository")
            try place.write("repository/file.txt", "content\n")
            for arguments in [
                ["init", "-q"], ["add", "."],
                ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-qm", "the first commit"],
            ] {
                let git = try RunningProgram(
                    "/usr/bin/git", arguments, environment: GatewayProcess.environment(home: place.path), in: path,
                    logs: place, name: "git")
                let exit = try await git.waitUntilExit()
                try #require(exit == .exited(0), "git \(arguments): \(git.errors)")
            }
            return path
        }
    }
}
