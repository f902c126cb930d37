import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Launchers that are killed before they can sweep.
    @Suite("Orphans")
    struct Orphans {
        /// A gateway with a session whose server has a grandchild that left group and session.
        static func start(_ mark: String) async throws -> (gateway: GatewayProcess, launcher: Int32, client: PlainMCP) {
            let script = "setsid sleep \(mark) </dev/null >/dev/null 2>&1 & exec \(Checkout.binary) demo-server"
            let gateway = try await EndToEnd.gateway(
                "servers:\n  bad: {command: /bin/sh, args: [-c, \"\(script)\"]}\n")
            let token = try await EndToEnd.logIn(gateway, to: "/bad/mcp").tokens.access
            let client = try await EndToEnd.session(gateway, "/bad/mcp", token: token)
            try await eventuallyTrue("the grandchild runs") { !ProcessTable.matching("sleep \(mark)").isEmpty }
            let launcher = try #require(ProcessTable.descendants(of: gateway.pid).first)
            return (gateway, launcher, client)
        }

        @Test("P07: what a killed launcher leaves is killed within a second, and its callers are told")
        func killedLauncher() async throws {
            let mark = "86501.\(getpid())"
            let (gateway, launcher, client) = try await Self.start(mark)
            let children = ProcessTable.descendants(of: gateway.pid)
            kill(launcher, SIGKILL)
            try await eventuallyTrue("the tree is gone", within: .seconds(1)) {
                ProcessTable.matching("sleep \(mark)").isEmpty && children.allSatisfy { !ProcessTable.isAlive($0) }
            }
            try await eventuallyTrue("no zombie is left", within: .seconds(1)) {
                ProcessTable.descendants(of: gateway.pid).isEmpty
            }
            let answer = try await onThread { try client.call("echo", id: 5, #"{"message":"x"}"#) }
            #expect(answer.status == 404 || answer.errorCode == -32603, "\(answer.messages)")
            #expect(try await gateway.request("GET", "/ready").status == 200)
        }

        @Test("P07: what gateway and launcher left together, the next gateway kills, and nothing else")
        func killedTogether() async throws {
            let mark = "86502.\(getpid())"
            let (gateway, launcher, _) = try await Self.start(mark)
            let (neighbour, _, client) = try await Self.start("86503.\(getpid())")
            kill(launcher, SIGSTOP)
            try await gateway.killHard()
            kill(launcher, SIGKILL)
            try await eventuallyTrue("the launcher is gone") { !ProcessTable.isAlive(launcher) }
            #expect(!ProcessTable.matching("sleep \(mark)").isEmpty, "nobody is there to kill it")
            try await gateway.start()
            try await eventuallyTrue("it is found at the start", within: .seconds(1)) {
                ProcessTable.matching("sleep \(mark)").isEmpty
            }
            #expect(!ProcessTable.matching("sleep 86503.\(getpid())").isEmpty, "its gateway lives")
            let answer = try await onThread { try client.call("echo", id: 5, #"{"message":"x"}"#) }
            #expect(answer.text?.contains("x") == true, "\(answer.messages)")
            try await neighbour.terminate()
            try await eventuallyTrue("and ends with it") { ProcessTable.matching("sleep 86503.\(getpid())").isEmpty }
        }
    }
}
