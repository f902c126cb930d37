import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// A server that misbehaves costs its own callers a clear error and nobody else anything.
    @Suite("Faults of a child")
    struct ChildFaults {
        /// A gateway with the hostile server as `bad`, the demo server beside it, and one session with each.
        static func start(_ arguments: [String] = [], settings: String = "") async throws -> (
            gateway: GatewayProcess, bad: PlainMCP, good: PlainMCP
        ) {
            let configuration = EndToEnd.hostile(["bad": arguments], settings: settings)
            let gateway = try await EndToEnd.gateway(configuration)
            let bad = try await EndToEnd.logIn(gateway, to: "/bad/mcp").tokens.access
            let good = try await EndToEnd.logIn(gateway, to: "/demo/mcp").tokens.access
            return (
                gateway, try await EndToEnd.session(gateway, "/bad/mcp", token: bad),
                try await EndToEnd.session(gateway, "/demo/mcp", token: good)
            )
        }

        /// One call on a thread.
        static func call(
            _ client: PlainMCP, _ tool: String, id: Int = 1, _ arguments: String = "{}", timeout: Double = 20
        ) async throws -> MCPAnswer {
            try await onThread { try client.call(tool, id: id, arguments, timeout: timeout) }
        }

        /// The neighbour answers, and quickly.
        static func expectUnharmed(_ good: PlainMCP, _ gateway: GatewayProcess) async throws {
            let begin = ContinuousClock.now
            let answer = try await call(good, "echo", id: Int.random(in: 1000...999_999), #"{"message":"still here"}"#)
            #expect(answer.text?.contains("still here") == true, "\(answer.messages)")
            #expect(ContinuousClock.now - begin < .seconds(1))
            #expect(gateway.program?.exit == nil, "the gateway died: \(gateway.log.suffix(1500))")
        }

        /// A new session with the hostile server works again.
        static func expectNextCallWorks(_ bad: PlainMCP, within limit: Duration = .seconds(3)) async throws {
            try await eventuallyTrue("a call of a new session", within: limit, every: .milliseconds(50)) {
                try await onThread {
                    var next = bad
                    guard try next.open().status == 200, next.session != nil else { return false }
                    return try next.call("echo", id: 5, #"{"message":"again"}"#).text == "again"
                }
            }
        }

        @Test(
            "F03: a child that is killed mid-call costs its callers a clear error at once", arguments: ["exit", "kill"])
        func childDies(mode: String) async throws {
            let (gateway, bad, good) = try await Self.start()
            let (answer, time, other) = try await onThread { [bad] in
                let waiting = try PlainHTTP(port: bad.port)
                try waiting.send("POST", bad.path, bad.headers, body: Array(PlainMCP.call("hang", id: 11).utf8))
                _ = try bad.call("echo", id: 12)
                let begin = ContinuousClock.now
                let answer = try bad.call(mode, id: 13)
                return (answer, ContinuousClock.now - begin, MCPAnswer(try waiting.receive()))
            }
            #expect(time < .milliseconds(250), "answered after \(time)")
            #expect(answer.errorCode == -32603, "\(answer.messages)")
            #expect(answer.errorMessage?.contains("exited") == true, "\(answer.messages)")
            #expect(answer.object["id"] as? Int == 13)
            #expect(other.errorCode == -32603 && other.object["id"] as? Int == 11, "\(other.messages)")
            try await Self.expectUnharmed(good, gateway)
            try await Self.expectNextCallWorks(bad)
        }

        @Test("F04: a hanging call ends at its deadline, and the neighbours do not notice")
        func childHangs() async throws {
            let (gateway, bad, good) = try await Self.start(settings: ", timeout: 2s")
            let begin = ContinuousClock.now
            async let hanging = Self.call(bad, "hang", id: 21)
            let other = try await Self.call(bad, "echo", id: 22, #"{"message":"beside"}"#)
            #expect(other.text == "beside")
            #expect(ContinuousClock.now - begin < .seconds(1))
            try await Self.expectUnharmed(good, gateway)
            let answer = try await hanging
            let time = ContinuousClock.now - begin
            #expect(time > .milliseconds(1500) && time < .milliseconds(2700), "answered after \(time)")
            let code = try #require(answer.errorCode, "\(answer.messages)")
            #expect(!(-32768 ... -32000).contains(code), "an own code: \(code)")
        }

        @Test("F04: progress does not put the deadline off")
        func busyChild() async throws {
            let demo = "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server], timeout: 2s}\n"
            let gateway = try await EndToEnd.gateway(demo)
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let client = try await EndToEnd.session(gateway, token: token)
            let call = PlainMCP.call("progress", id: 9, #"{"steps":100,"seconds":20}"#, token: "1")
            let begin = ContinuousClock.now
            let answer = try await onThread { try client.post(call) }
            #expect(ContinuousClock.now - begin < .seconds(15), "the tool alone takes twenty seconds")
            #expect(answer.messages.count > 2 && answer.errorCode == 1001, "\(answer.messages)")
        }

        @Test(
            "F05, P03: floods on stderr and stdout are drained without growing",
            arguments: ["flood-stderr", "flood-stdout"])
        func childFloods(mode: String) async throws {
            let (gateway, bad, good) = try await Self.start()
            _ = try await Self.call(bad, "echo", id: 30)
            let before = ProcessTable.residentBytes(gateway.pid)
            async let flooding = Self.call(bad, mode, id: 31, #"{"bytes":67108864}"#, timeout: 60)
            try await Self.expectUnharmed(good, gateway)
            if mode == "flood-stderr" {
                let answer = try await flooding
                #expect(answer.text == "flooded", "\(answer.messages)")
            } else {
                // A hundred lines of garbage in a row end the child (P04): an answer either way.
                let answer = try await flooding
                #expect(answer.text == "flooded" || answer.errorCode != nil)
            }
            let grown = ProcessTable.residentBytes(gateway.pid) - before
            #expect(grown < 16 << 20, "grew by \(grown >> 20) MiB")
            #expect(gateway.log.utf8.count < 4 << 20, "the log is rate-limited: \(gateway.log.utf8.count)")
            try await Self.expectUnharmed(good, gateway)
            try await Self.expectNextCallWorks(bad, within: .seconds(5))
        }

        @Test("P03: a gigabyte of complaints before the answer costs two mebibytes at most")
        func complaints() async throws {
            let (gateway, bad, good) = try await Self.start()
            // What is made once is made before.
            _ = try await Self.call(bad, "flood-stderr", id: 30, #"{"bytes":8388608}"#, timeout: 60)
            let before = ProcessTable.residentBytes(gateway.pid)
            let answer = try await Self.call(bad, "flood-stderr", id: 31, #"{"bytes":1073741824}"#, timeout: 120)
            #expect(answer.text == "flooded", "\(answer.messages)")
            let grown = ProcessTable.residentBytes(gateway.pid) - before
            #expect(grown <= 2 << 20, "grew by \(grown >> 10) KiB")
            try await Self.expectUnharmed(good, gateway)
        }

        @Test("F06, P04: garbage, unknown ids and NUL are discarded, the call is answered")
        func childWritesGarbage() async throws {
            let (gateway, bad, good) = try await Self.start()
            let answer = try await Self.call(bad, "garbage", id: 41)
            #expect(answer.text == "after the garbage", "\(answer.messages)")
            for seed in 1...20 {
                let answer = try await Self.call(bad, "malformed", id: 100 + seed, #"{"seed":\#(seed),"lines":400}"#)
                #expect(answer.text == "after the malformed", "seed \(seed): \(answer.messages)")
            }
            try await Self.expectUnharmed(good, gateway)
        }

        @Test("F06, P04: half a line and a huge line cost only their own call")
        func childWritesHalfAndHugeLines() async throws {
            let (gateway, bad, good) = try await Self.start(settings: ", timeout: 2s")
            let half = try await Self.call(bad, "half-line", id: 51)
            #expect(half.errorCode != nil, "\(half.messages)")
            try await Self.expectUnharmed(good, gateway)
            let before = ProcessTable.residentBytes(gateway.pid)
            var fresh = bad
            let opened = try await onThread { [fresh] in
                var next = fresh
                _ = try next.open()
                return next
            }
            fresh = opened
            let huge = try await Self.call(fresh, "huge-line", id: 52)
            #expect(huge.text == "after the huge line" || huge.errorCode != nil, "\(huge.messages)")
            #expect(ProcessTable.residentBytes(gateway.pid) - before < 32 << 20)
            try await Self.expectUnharmed(good, gateway)
        }

        @Test("F07: a child that closes its pipes is stopped and replaced", arguments: ["close-stdout", "close-stdin"])
        func childClosesPipes(mode: String) async throws {
            let (gateway, bad, good) = try await Self.start(["stubborn"])
            let pid = try #require(Int32(try await Self.call(bad, "pid", id: 60).text ?? ""))
            let answer = try await Self.call(bad, mode, id: 61)
            if mode == "close-stdout" { #expect(answer.errorCode == -32603, "\(answer.messages)") }
            let next = try await Self.call(bad, "echo", id: 62, #"{"message":"x"}"#)
            #expect(next.errorCode != nil || next.status == 404, "\(next.status) \(next.messages)")
            try await eventuallyTrue("the child is gone", within: .seconds(7)) { !ProcessTable.isAlive(pid) }
            try await Self.expectUnharmed(good, gateway)
            try await Self.expectNextCallWorks(bad)
        }

        @Test("F08: a grandchild that keeps the pipe open is swept, and no descriptor is left behind")
        func grandchildKeepsPipe() async throws {
            let (gateway, bad, good) = try await Self.start()
            _ = try await Self.call(bad, "echo", id: 70)
            let before = ProcessTable.openDescriptors(gateway.pid)
            for round in 0..<10 {
                let client = try await onThread { [bad] in
                    var next = bad
                    _ = try next.open()
                    return next
                }
                let seconds = "\(987_000 + round)"
                let answer = try await Self.call(
                    client, "grandchild", id: 71, #"{"seconds":"\#(seconds)","exit":true}"#)
                #expect(answer.text != nil || answer.errorCode == -32603)
                try await eventuallyTrue("the grandchild is gone", within: .seconds(6)) {
                    ProcessTable.matching("sleep \(seconds)").isEmpty
                }
            }
            try await eventuallyTrue("descriptors are back", within: .seconds(5)) {
                ProcessTable.openDescriptors(gateway.pid) <= before + 2
            }
            try await Self.expectUnharmed(good, gateway)
        }

        @Test(
            "P05: a server that dies at start costs a clear answer and backs off; unauthenticated requests never spawn")
        func childNeverStarts() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.hostile(["crash": ["crash"], "bad": []]))
            let refused = try await gateway.request(
                "POST", "/bad/mcp", [:], body: PlainMCP.request("initialize", id: 1))
            #expect(refused.status == 401)
            let spawned = ProcessTable.descendants(of: gateway.pid)
            #expect(spawned == [])
            let token = try await EndToEnd.logIn(gateway, to: "/crash/mcp").tokens.access
            let port = gateway.port
            let begin = ContinuousClock.now
            let answer = try await onThread {
                var client = PlainMCP(port: port, path: "/crash/mcp", token: token)
                return try client.open()
            }
            #expect(ContinuousClock.now - begin < .seconds(3))
            #expect(answer.errorCode != nil || answer.status >= 500, "\(answer.status) \(answer.messages)")
        }
    }
}
