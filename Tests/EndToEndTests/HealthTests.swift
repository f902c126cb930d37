import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What is said of servers, to everybody and to the operator.
    @Suite("Health of servers", .timeLimit(.minutes(3)))
    struct HealthTests {
        private static let configuration = """
            servers:
              demo: {command: sallyport, args: [demo-server]}
              broken: {command: sh, args: [-c, "exit 7"]}
              shared: {command: sallyport, args: [demo-server], isolation: shared}
              own: {command: sallyport, args: [demo-server], isolation: user}
            access: {claims: [groups], mappings: {"groups:nobody": [all]}, permissions: {"demo:*": [all]}}

            """

        @Test("everybody is told which servers are there and whether they can be had, and no more")
        func everybody() async throws {
            let gateway = try GatewayProcess(configuration: Self.configuration)
            try await gateway.start()
            for fields in [[:], ["Sallyport-Operator": "1.AAAA"], ["Sallyport-Operator": "nonsense"]] {
                let answer = try await gateway.request("GET", "/health", fields)
                let servers = try #require(answer.object["servers"] as? [[String: Any]])
                #expect(servers.compactMap { $0["name"] as? String } == ["demo", "broken", "shared", "own"])
                #expect(
                    servers.allSatisfy { Set($0.keys) == ["name", "available"] && $0["available"] as? Bool == true })
                #expect(try await gateway.request("POST", "/health?probe=demo", fields).status == 403)
            }
            #expect(try await gateway.metric(#"sallyport_process_starts_total{server="demo"}"#) == 0)
        }

        @Test(
            "the operator's probe speaks MCP with a server, past every policy, and leaves no process behind",
            arguments: ["demo", "shared", "own"])
        func probe(name: String) async throws {
            let gateway = try GatewayProcess(configuration: Self.configuration)
            try await gateway.start()
            let before = ProcessTable.descendants(of: gateway.pid)
            for _ in 1...2 {
                let probe = try await gateway.command([
                    "health", "--listen", "127.0.0.1:\(gateway.port)", "--server", name,
                ])
                #expect(probe.exit == .exited(0), "\(probe)")
                #expect(probe.output.contains("server \(name) answers") && probe.output.contains("MCP 2025-11-25"))
            }
            #expect(try await gateway.metric(#"sallyport_process_starts_total{server="\#(name)"}"#) == 2)
            try await eventuallyTrue("nothing to be left of it", within: .seconds(10)) {
                let running = try await gateway.metric(#"sallyport_processes{server="\#(name)"}"#)
                return running == 0 && ProcessTable.descendants(of: gateway.pid).count <= before.count
            }
            #expect(try await gateway.metric(#"sallyport_sessions{server="\#(name)"}"#) == 0)
        }

        @Test(
            "a server that does not start is probed at most as often as it may be started, and is named when it keeps on"
        )
        func broken() async throws {
            let gateway = try GatewayProcess(configuration: Self.configuration)
            try await gateway.start()
            func ask(
                _ words: String...
            ) async throws -> (exit: ProgramExit, output: String, errors: String) {
                try await gateway.command(["health", "--listen", "127.0.0.1:\(gateway.port)"] + words)
            }
            let first = try await ask("--server", "broken")
            #expect(first.exit == .exited(69) && first.errors.contains("does not answer: exited"), "\(first)")
            let second = try await ask("--server", "broken")
            #expect(second.errors.contains("backing_off"), "\(second)")
            #expect(try await ask("--server", "nobody").errors.contains("does not answer: unknown"))
            #expect(try await ask("--server", "x y").exit == .exited(64))
            #expect(try await ask("--servers").output.contains(/demo +idle +0 +0/))
            try await eventuallyTrue("it to be given up on", within: .seconds(30)) {
                _ = try await ask("--server", "broken")
                return try await gateway.request("GET", "/ready").text.contains("server broken: does not start")
            }
            #expect(try await gateway.request("GET", "/ready").status == 200)
            let list = try await ask("--servers")
            #expect(list.exit == .exited(69) && list.output.contains(/broken +failing/), "\(list)")
            #expect(list.output.contains("exited"), "\(list)")
            let servers = try await gateway.request("GET", "/health").object["servers"] as? [[String: Any]] ?? []
            #expect(
                servers.filter { $0["available"] as? Bool == false }.compactMap { $0["name"] as? String } == ["broken"])
        }

        @Test("who has another key is told nothing")
        func stranger() async throws {
            let gateway = try GatewayProcess(configuration: Self.configuration)
            let other = try GatewayProcess(configuration: Self.configuration)
            try await gateway.start()
            try await other.start()
            let list = try await other.command(["health", "--listen", "127.0.0.1:\(gateway.port)", "--servers"])
            #expect(list.exit == .exited(69) && list.errors.contains("does not take the key"), "\(list)")
            let probe = try await other.command(
                ["health", "--listen", "127.0.0.1:\(gateway.port)", "--server", "demo"])
            #expect(probe.exit == .exited(69) && probe.errors.contains("refuses"), "\(probe)")
            #expect(try await gateway.metric(#"sallyport_process_starts_total{server="demo"}"#) == 0)
        }
    }
}
