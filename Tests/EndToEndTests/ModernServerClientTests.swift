import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Servers of 2026-07-28, with clients of every revision in front.
    @Suite("Modern servers")
    struct ModernServers {
        private static func configuration() -> String {
            """
            servers:
              demo: {command: \(Checkout.binary), args: [demo-server, --era, modern]}
              sdk: {command: \(Checkout.python("current")), args: [\(Checkout.client("modern_server.py"))], era: modern}
              both: {command: \(Checkout.python("current")), args: [\(Checkout.client("modern_server.py"))]}
            rate_limits: {registration: 10000/min}

            """
        }

        @Test("B2: the demo server of the modern era serves every client", arguments: Clients.all)
        func demonstration(client: Clients.Client) async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration())
            let report = try await Clients.run(
                client, gateway, "/demo/mcp",
                [
                    ["tool": "echo", "arguments": ["message": "héllo \u{1F30D}\n\"line\""]],
                    ["tool": "add", "arguments": ["a": 2, "b": 40]],
                    ["tool": "progress", "arguments": [:] as [String: Any]],
                    ["tool": "sample", "arguments": [:] as [String: Any]],
                    ["tool": "elicit", "arguments": [:] as [String: Any]],
                    ["tool": "roots", "arguments": [:] as [String: Any]],
                    ["tool": "whoami", "arguments": [:] as [String: Any]],
                    ["tool": "log", "arguments": ["message": "noted"]],
                ])
            #expect(Set(report.tools).isSuperset(of: ["echo", "add", "elicit", "sample", "roots"]))
            #expect(report.text(0).contains("héllo \u{1F30D}\n\"line\"") && report.text(1).contains("42"))
            #expect(report.progress(2).count >= 2)
            #expect(report.text(3).contains("sampled by the client"), "\(report.text(3))")
            #expect(!report.failed(4) && report.text(4).contains("accept"), "\(report.text(4))")
            #expect(report.text(5).contains("file:///tests/root") && report.text(6).contains(EndToEnd.user))
            #expect(!report.failed(7))
            // Whoever sets no level gets no messages: the new era sends none unasked.
            if client.mode == "auto" {
                #expect(report.raw["protocol"] as? String == "2026-07-28")
                #expect((report.raw["logs"] as? [Any])?.isEmpty == false)
            }
        }

        @Test("B2: the SDK's server, spoken to in the modern era, serves every client", arguments: Clients.all)
        func official(client: Clients.Client) async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration())
            let plan: [[String: Any]] = [
                ["tool": "echo", "arguments": ["message": "x"]],
                ["tool": "numbers", "arguments": [:] as [String: Any]],
                ["tool": "version", "arguments": [:] as [String: Any]],
                ["tool": "progress", "arguments": [:] as [String: Any]],
                ["tool": "greet", "arguments": [:] as [String: Any]],
                ["tool": "everything", "arguments": [:] as [String: Any]],
            ]
            let report = try await Clients.run(client, gateway, "/sdk/mcp", plan)
            #expect(report.text(0).contains("x") && report.text(2).contains("2026-07-28"))
            #expect(report.progress(3).count == 3)
            #expect(report.text(4).contains("hello elicited"), "\(report.text(4))")
            #expect(
                report.text(5).contains("elicited") && report.text(5).contains("sampled by the client")
                    && report.text(5).contains("file:///tests/root"), "\(report.text(5))")
            for step in plan.indices { #expect(!report.failed(step), "\(step): \(report.text(step))") }
        }

        @Test("B0.1: a server of both eras has its legacy one used where nobody says otherwise")
        func both() async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration())
            let client = Clients.all[2]
            let report = try await Clients.run(
                client, gateway, "/both/mcp", [["tool": "version", "arguments": [:] as [String: Any]]])
            #expect(report.text(0).contains("2025-11-25"), "\(report.text(0))")
        }

        @Test("B1: subscriptions at the SDK's server: what changes is told, and nothing else")
        func subscriptions() async throws {
            let gateway = try await EndToEnd.gateway(Self.configuration())
            let (_, tokens) = try await EndToEnd.logIn(gateway, to: "/sdk/mcp")
            let client = try await EndToEnd.session(gateway, "/sdk/mcp", token: tokens.access, version: "2025-11-25")
            let events = try await onThread {
                let answer = try client.post(
                    PlainMCP.request("resources/subscribe", id: 1, #"{"uri":"note://one"}"#))
                #expect(answer.result?.isEmpty == true, "\(answer.messages)")
                let stream = try client.stream()
                for (id, uri) in ["note://two", "note://one"].enumerated() {
                    #expect(try client.call("touch", id: id + 2, #"{"uri":"\#(uri)"}"#).text == "touched")
                }
                var found: [String] = []
                while found.count < 3, let event = try stream.http.receiveEvent() {
                    if let data = event.data, !data.isEmpty { found.append(data) }
                }
                return found
            }
            #expect(events.filter { $0.contains("tools/list_changed") }.count == 2, "\(events)")
            #expect(events.filter { $0.contains("note://one") }.count == 1 && !events.contains { $0.contains("two") })
        }
    }
}
