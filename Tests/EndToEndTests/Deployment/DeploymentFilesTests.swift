import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What operators copy and what cannot be run here, because neither Docker nor a cluster runs here.
    @Suite("Deployment files", .timeLimit(.minutes(3)))
    struct DeploymentFilesTests {
        @Test("chart, manifests and compose files: Helm, the schemas of Kubernetes and yamllint have no complaint")
        func files() async throws {
            let report = try await PythonClient.run("deployment_files.py", in: "deployment", [:])
            #expect(report["problems"] as? [String] == [])
            #expect((report["compose"] as? [String])?.count == 3)
            // What the chart makes of its values is a configuration of ours.
            let configurations = try #require(report["configurations"] as? [String: String])
            #expect(configurations.keys.sorted() == ["all", "default"])
            let place = try TemporaryDirectory("chart")
            for (name, text) in configurations {
                // The secret is the cluster's.
                let file = try place.write(
                    "\(name).yaml", text.replacingOccurrences(of: "file:/run/secrets/store", with: "memory"))
                let check = try await SystemCommand.run([Checkout.binary, "check", "--config", file])
                #expect(check.hasSucceeded, "\(name): \(check.text)")
            }
        }

        @Test("Examples/behind-caddy routes as docs/forward-auth.md does, which is what other tests drive")
        func caddy() async throws {
            let place = try TemporaryDirectory("caddy")
            let document = try String(contentsOfFile: Checkout.root + "/docs/forward-auth.md", encoding: .utf8)
            let block = document.components(separatedBy: "## Caddy\n").last?.components(separatedBy: "```") ?? []
            try #require(block.count > 1)
            let documented = try place.write(
                "documented",
                block[1].replacingOccurrences(of: "127.0.0.1:8080", with: "auth:8080")
                    .replacingOccurrences(of: "127.0.0.1:3000", with: "mcp-time:3000")
                    .replacingOccurrences(of: "fetch.example.com", with: "time.example.com"))
            let one = try await Self.route("time.example.com", in: documented)
            let other = try await Self.route(
                "time.example.com", in: Checkout.root + "/Examples/behind-caddy/Caddyfile")
            #expect(one == other && one.contains("/verify") && one.contains("Authorization"))
        }

        /// What Caddy makes of a site, as JSON with sorted keys.
        private static func route(_ host: String, in file: String) async throws -> String {
            let text = try await SystemCommand.need(
                ["caddy", "adapt", "--config", file, "--adapter", "caddyfile"],
                environment: ["BASE_DOMAIN": "example.com"])
            let whole = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let apps = (whole?["apps"] as? [String: Any])?["http"] as? [String: Any]
            let servers = (apps?["servers"] as? [String: Any])?["srv0"] as? [String: Any]
            let routes = servers?["routes"] as? [[String: Any]] ?? []
            let route = routes.first { route in
                (route["match"] as? [[String: Any]])?.contains { ($0["host"] as? [String])?.contains(host) ?? false }
                    ?? false
            }
            let data = try JSONSerialization.data(withJSONObject: try #require(route), options: .sortedKeys)
            return String(decoding: data, as: UTF8.self)
        }
    }
}
