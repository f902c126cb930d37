import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Real clients at `/mcp`, real servers behind it.
    @Suite("Real clients, all servers at once")
    struct AggregateClients {
        @Test("time, git, fetch and demo behind one address: calls, questions, log", arguments: Clients.all)
        func allServers(client: Clients.Client) async throws {
            let place = try TemporaryDirectory("servers")
            let repository = try await Clients.repository(in: place)
            try place.makeFolder("site")
            try place.write("site/page.html", "<html><title>A page</title><body><p>sally out</p></body></html>")
            let sitePort = try FreePort.find()
            let site = try RunningProgram(
                "/usr/bin/python3", ["-m", "http.server", "\(sitePort)", "--bind", "127.0.0.1"], in: place.file("site"),
                logs: place, name: "site")
            defer { site.killTree() }
            let gateway = try await EndToEnd.gateway(Self.configuration(repository))
            let plan: [[String: Any]] = [
                ["tool": "demo__echo", "arguments": ["message": "héllo \u{1F30D}"]],
                ["tool": "time__get_current_time", "arguments": ["timezone": "Europe/Zurich"]],
                ["tool": "git__git_log", "arguments": ["repo_path": repository]],
                ["tool": "fetch__fetch", "arguments": ["url": "http://127.0.0.1:\(sitePort)/page.html"]],
                ["tool": "demo__progress", "arguments": [:] as [String: Any]],
                ["tool": "demo__sample", "arguments": [:] as [String: Any]],
                ["tool": "demo__elicit", "arguments": [:] as [String: Any]],
                ["tool": "demo__roots", "arguments": [:] as [String: Any]],
                ["tool": "demo__log", "arguments": ["message": "noted"]],
                ["tool": "demo__whoami", "arguments": [:] as [String: Any]],
            ]
            let report = try await Clients.run(client, gateway, "/mcp", plan)
            #expect(report.results.count == plan.count)
            if client.mode == "auto" { #expect(report.raw["protocol"] as? String == "2026-07-28") }
            let tools = report.tools
            #expect(Set(tools).isSuperset(of: plan.compactMap { $0["tool"] as? String }))
            // In the order of the configuration; the server that cannot be started has no tools.
            var servers: [Substring] = []
            for tool in tools {
                let server = tool.prefix { $0 != "_" }
                if servers.last != server { servers.append(server) }
            }
            #expect(servers == ["time", "demo", "git", "fetch"])
            #expect(tools.allSatisfy { $0.utf8.count <= 64 })
            #expect(report.text(0).contains("héllo \u{1F30D}"))
            #expect(report.text(1).contains("Europe/Zurich"), "\(report.text(1))")
            #expect(report.text(2).contains("the first commit"), "\(report.text(2))")
            #expect(report.text(3).contains("sally out"), "\(report.text(3))")
            #expect(report.progress(4).count >= 2)
            #expect(report.text(5).contains("sampled by the client"))
            #expect(report.text(6).contains("elicited") || report.text(6).contains("accept"), "\(report.text(6))")
            #expect(report.text(7).contains("file:///tests/root"), "\(report.text(7))")
            #expect((report.raw["logs"] as? [Any])?.isEmpty == false)
            #expect(report.text(9).contains(EndToEnd.user))
        }

        @Test("R02: a token for all servers is none for one of them, and the other way round")
        func audiences() async throws {
            let gateway = try await EndToEnd.gateway()
            let all = try await EndToEnd.logIn(gateway, to: "/mcp").tokens.access
            let one = try await EndToEnd.logIn(gateway, to: "/demo/mcp").tokens.access
            #expect(try EndToEnd.claims(of: all)["aud"] as? String == gateway.origin + "/mcp")
            for (token, path, status) in [
                (all, "/mcp", 200), (one, "/demo/mcp", 200), (all, "/demo/mcp", 401), (one, "/mcp", 401),
            ] {
                let hello =
                    #"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#
                let port = gateway.port
                let answer = try await onThread {
                    try PlainMCP(port: port, path: path, token: token).post(
                        PlainMCP.request("initialize", id: 1, hello))
                }
                #expect(answer.status == status, "\(path)")
            }
            let front = try await gateway.request("GET", "/")
            #expect(front.text.contains(gateway.origin + "/mcp<"))
        }

        private static func configuration(_ repository: String) -> String {
            """
            servers:
              time: {command: \(Checkout.pythonProgram("mcp-server-time")), args: [--local-timezone, UTC]}
              missing: {command: /bin/false}
              demo: {command: \(Checkout.binary), args: [demo-server]}
              git: {command: \(Checkout.pythonProgram("mcp-server-git")), args: [--repository, \(repository)]}
              fetch:
                command: \(Checkout.pythonProgram("mcp-server-fetch"))
                args: [--ignore-robots-txt, --allow-private-ips]
                env: {PATH: /nonexistent}

            """
        }
    }
}
