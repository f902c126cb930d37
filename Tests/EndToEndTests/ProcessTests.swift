import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What a child can see, and what is left when it or the gateway goes.
    @Suite("Processes")
    struct Processes {
        @Test("P02: a child sees its configured environment, three descriptors and nothing of ours")
        func childSeesNothingOfOurs() async throws {
            let configuration = EndToEnd.hostile(settings: ", env: {GIVEN: value}, pass_environment: [PASSED]")
            let gateway = try await EndToEnd.gateway(
                configuration, environment: ["PASSED": "through", "CANARY_SECRET": "must not be seen"])
            let token = try await EndToEnd.logIn(gateway, to: "/bad/mcp").tokens.access
            let client = try await EndToEnd.session(gateway, "/bad/mcp", token: token)
            let answer = try await ChildFaults.call(client, "inside", id: 1)
            let text = try #require(answer.text, "\(answer.messages)")
            let seen = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let environment = try #require(seen["environment"] as? [String: String])
            #expect(environment["GIVEN"] == "value" && environment["PASSED"] == "through")
            #expect(environment["CANARY_SECRET"] == nil)
            #expect(!environment.values.contains { $0.contains(token) })
            // Python lists /proc/self/fd through a descriptor of its own, which is gone when it looks again.
            #expect(seen["descriptors"] as? [Int] == [0, 1, 2])
            let status = try #require(seen["status"] as? [String: String])
            #expect(status["NoNewPrivs"] == "1")
            #expect(Self.signals(status["SigBlk"]) == 0, "signal mask")
            // SIGPIPE and SIGXFSZ: Python itself ignores these two.
            #expect(Self.signals(status["SigIgn"]) & ~((1 << 12) | (1 << 24)) == 0, "\(status["SigIgn"] ?? "")")
            #expect(seen["group"] as? Int == seen["pid"] as? Int, "a process group of its own")
        }

        private static func signals(_ mask: String?) -> UInt64 { UInt64(mask ?? "", radix: 16) ?? .max }

        /// How the tree ends: the routes of row P07.
        enum Route: String, CaseIterable { case delete, terminate, kill }

        @Test("P07: the whole tree is gone by every route, escaped grandchildren too", arguments: Route.allCases)
        func treeIsGone(route: Route) async throws {
            let (gateway, bad, _) = try await ChildFaults.start(["stubborn"])
            let mark = "\(Int.random(in: 600_000...699_999))"
            let answer = try await ChildFaults.call(bad, "tree", id: 1, #"{"mark":"\#(mark)"}"#)
            #expect(answer.text == "planted", "\(answer.messages)")
            try await eventuallyTrue("the tree stands") { ProcessTable.matching("sleep \(mark)").count >= 2 }
            var children = ProcessTable.descendants(of: gateway.pid)
            #expect(!children.isEmpty)
            children.append(try #require(ProcessTable.launcherTemplate(of: gateway.pid)))
            switch route {
            case .delete:
                let fields = bad.headers
                let answer = try await gateway.request("DELETE", "/bad/mcp", fields)
                #expect((200..<300).contains(answer.status), "\(answer.status)")
            case .terminate: try await gateway.terminate()
            case .kill: try await gateway.killHard()
            }
            let limit: Duration = route == .kill ? .seconds(1) : .seconds(8)
            try await eventuallyTrue("the tree is gone by \(route)", within: limit) {
                ProcessTable.matching("sleep \(mark)").isEmpty
            }
            if route != .delete {
                try await eventuallyTrue("all children are gone", within: limit) {
                    children.allSatisfy { !ProcessTable.isAlive($0) }
                }
            }
        }

        @Test("P08: no zombies and no leaked descriptors after many short lives")
        func noZombies() async throws {
            let (gateway, bad, good) = try await ChildFaults.start()
            let before = ProcessTable.openDescriptors(gateway.pid)
            for round in 0..<25 {
                let mode = ["exit", "kill", "close-stdout"][round % 3]
                _ = try await onThread { [bad] in
                    var client = bad
                    _ = try client.open()
                    return try client.call(mode, id: 2)
                }
            }
            try await eventuallyTrue("no zombies", within: .seconds(10)) {
                !ProcessTable.all().contains { $0.parent == gateway.pid && $0.state == "Z" }
            }
            try await eventuallyTrue("descriptors are back", within: .seconds(10)) {
                ProcessTable.openDescriptors(gateway.pid) <= before + 4
            }
            try await ChildFaults.expectUnharmed(good, gateway)
        }

        @Test("F20: SIGTERM answers what is in flight, ends streams and children, and exits 0")
        func drain() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token)
            let idle = try await onThread { try StreamBox(client.stream()) }
            #expect(idle.status == 200)
            let call = PlainMCP.call("progress", id: 9, #"{"steps":4,"seconds":1.5}"#, token: "1")
            let busy = try await onThread { try StreamBox(client.stream("POST", body: call)) }
            // Its first progress shows that the call is in flight.
            _ = try #require(try await onThread { try busy.next() })
            let children = ProcessTable.descendants(of: gateway.pid)
            #expect(!children.isEmpty)
            let begin = ContinuousClock.now
            gateway.program?.signal(SIGTERM)
            let answer = try await onThread {
                while let event = try busy.next() {
                    if let data = event.data, data.contains("\"result\"") || data.contains("\"error\"") { return data }
                }
                return "the stream ended without an answer"
            }
            #expect(answer.contains("done after 4 steps"), "\(answer)")
            #expect(try await onThread { try idle.drain() }, "the idle stream ended in order")
            let exit = try await gateway.program?.waitUntilExit(within: .seconds(15))
            #expect(exit == .exited(0), "\(String(describing: exit)): \(gateway.log.suffix(1500))")
            #expect(ContinuousClock.now - begin < .seconds(6), "nothing is waited for but the call")
            let left = children.filter { ProcessTable.isAlive($0) }
            #expect(left == [])
        }

        @Test("F20: a second SIGTERM waits two seconds more and no longer, and leaves no child")
        func hurried() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token)
            let call = PlainMCP.call("progress", id: 9, #"{"steps":60,"seconds":60}"#, token: "1")
            let busy = try await onThread { try StreamBox(client.stream("POST", body: call)) }
            _ = try #require(try await onThread { try busy.next() })
            let children = ProcessTable.descendants(of: gateway.pid)
            gateway.program?.signal(SIGTERM)
            try await gateway.logs("waiting for what is in flight")
            let begin = ContinuousClock.now
            gateway.program?.signal(SIGTERM)
            #expect(try await gateway.program?.waitUntilExit(within: .seconds(30)) == .exited(0))
            // The call alone would have had ten seconds.
            #expect(ContinuousClock.now - begin < .seconds(7))
            try await eventuallyTrue("its children to be gone") { !children.contains { ProcessTable.isAlive($0) } }
        }

        @Test("F20: SIGHUP does not kill")
        func hangUp() async throws {
            let gateway = try await EndToEnd.gateway()
            gateway.program?.signal(SIGHUP)
            let answer = try await gateway.request("GET", "/live")
            #expect(answer.status == 200)
            #expect(gateway.program?.exit == nil)
        }
    }
}

/// Carries an open stream from the thread that opened it to the one that reads it; one at a time uses it.
final class StreamBox: @unchecked Sendable {
    // SAFETY: the tests hand the box from one awaited thread to the next, never to two at once.
    private let http: PlainHTTP
    let head: PlainResponse
    var status: Int { head.status }

    init(_ stream: (http: PlainHTTP, head: PlainResponse)) {
        http = stream.http
        head = stream.head
    }

    func next() throws -> PlainEvent? { try http.receiveEvent() }

    /// Reads to the end; true when the end was orderly.
    func drain() throws -> Bool {
        while try http.receiveEvent() != nil {}
        return true
    }

    /// Everything up to an orderly end, comments too, where no event was read before.
    func rest() throws -> String {
        var text = ""
        while let chunk = try http.receiveChunk() { text += String(decoding: chunk, as: UTF8.self) }
        return text
    }

    /// Cuts the connection.
    func cut() { http.connection.reset() }
}
