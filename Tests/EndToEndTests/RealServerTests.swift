import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Real servers of all kinds of services, as their packages install them, called by real clients of both eras.
    @Suite("Real servers, alone and as one")
    struct RealServers {
        /// A server, a call that worked, and what its answer says. Some remember what was done, so each call is for a name of
        /// its own.
        struct Service: Sendable, CustomTestStringConvertible {
            let name: String
            let tool: String
            let arguments: @Sendable (_ place: TemporaryDirectory, _ name: String) -> [String: Any]
            let answer: String
            var testDescription: String { name }
        }

        static let services = [
            Service(
                name: "files", tool: "read_file", arguments: { place, _ in ["path": place.file("files/note.txt")] },
                answer: "sally in a file"),
            Service(
                name: "memory", tool: "create_entities",
                arguments: { _, name in
                    ["entities": [["name": name, "entityType": "person", "observations": ["lives at a port"]]]]
                }, answer: "sally-"),
            Service(
                name: "thinking", tool: "process_thought",
                arguments: { _, _ in
                    [
                        "thought": "a port is a door", "thought_number": 1, "total_thoughts": 1,
                        "next_thought_needed": false, "stage": "Analysis",
                    ]
                }, answer: "thought_number"),
            Service(
                name: "browser", tool: "browser_navigate",
                arguments: { _, _ in ["url": "data:text/html,<title>Sally</title><p>sally on a page</p>"] },
                answer: "Sally"),
            Service(
                name: "terminal", tool: "create_session", arguments: { _, name in ["session_name": name] },
                answer: "sally-"),
            Service(name: "everything", tool: "math_add", arguments: { _, _ in ["a": 2, "b": 40] }, answer: "42"),
        ]

        /// One client of each era.
        private static let clients = [Clients.all[0], Clients.all[2]]

        private static func place() throws -> TemporaryDirectory {
            let place = try TemporaryDirectory("services")
            try place.makeFolder("files")
            try place.makeFolder("tmux")
            try place.write("files/note.txt", "sally in a file")
            return place
        }

        private static func configuration(_ place: TemporaryDirectory) -> String {
            func program(_ name: String, _ environment: String = "services") -> String {
                Checkout.pythonProgram(name, in: environment)
            }
            return """
                servers:
                  files: {command: \(program("filesystem-mcp")), args: [\(place.file("files"))]}
                  memory:
                    command: \(program("memory-mcp-server", "services-legacy"))
                    args: [--path, \(place.file("memory.jsonl"))]
                  thinking: {command: \(program("mcp-sequential-thinking")), args: [--ephemeral]}
                  browser:
                    command: \(program("playwright", "current"))
                    args: [mcp, --headless, --no-sandbox, --isolated, --executable-path, /usr/bin/chromium]
                  terminal:
                    command: \(program("libtmux-mcp"))
                    env: {LIBTMUX_SOCKET: sallyport, TMUX_TMPDIR: \(place.file("tmux"))}
                  everything: {command: \(program("mcp-testkit", "services-legacy"))}

                """
        }

        @Test("files, memory, thinking, a browser, a terminal and everything: each alone", arguments: services)
        func alone(service: Service) async throws {
            let place = try Self.place()
            let gateway = try await EndToEnd.gateway(Self.configuration(place))
            for (number, client) in Self.clients.enumerated() {
                let report = try await Clients.run(
                    client, gateway, "/\(service.name)/mcp",
                    [["tool": service.tool, "arguments": service.arguments(place, "sally-\(number)")]])
                #expect(report.tools.contains(service.tool))
                #expect(!report.failed(0) && report.text(0).contains(service.answer), "\(client): \(report.text(0))")
            }
        }

        @Test("e4: files, memory, thinking, a browser, a terminal and everything: all at one address")
        func together() async throws {
            let place = try Self.place()
            let gateway = try await EndToEnd.gateway(Self.configuration(place))
            for (number, client) in Self.clients.enumerated() {
                let plan: [[String: Any]] = Self.services.map {
                    ["tool": "\($0.name)__\($0.tool)", "arguments": $0.arguments(place, "sally-\(number)")]
                }
                let report = try await Clients.run(client, gateway, "/mcp", plan)
                for (position, service) in Self.services.enumerated() {
                    #expect(
                        !report.failed(position) && report.text(position).contains(service.answer),
                        "\(client), \(service.name): \(report.text(position))")
                }
            }
        }
    }
}
