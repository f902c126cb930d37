import Foundation
import MCP
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What a server that sessions share costs them when it, or one of them, does not behave.
@Suite("Servers that sessions share, and faults", .timeLimit(.minutes(2)))
struct SharedFaultTests {
    @Test(
        "F03: when it dies every session is told how, and the next one has a new process", arguments: Isolation.allCases
    )
    func death(isolation: Isolation) async throws {
        try await withBench(SharedServerTests.server(isolation), loopCount: 2) { bench in
            let (one, two) = (try await bench.open(), try await bench.open("/demo/mcp", "alice-c2"))
            let old = try await SharedServerTests.pid(one)
            async let waiting = two.say("hang", id: 1)
            try await eventuallyTrue("it hangs") { await bench.gateway.openCalls == 1 }
            let answer = try await one.say("exit", id: 2)
            #expect(answer.errorCode == -32603 && answer.errorMessage?.contains("exited with code 3") == true)
            if isolation == .session {
                #expect(try await two.say("pid", id: 3).text != nil)
                for session in bench.gateway.directory.all { await session.finish(.deleted) }
            }
            #expect(try await waiting.errorCode == -32603)
            #expect(try await SharedServerTests.pid(try await bench.open()) != old)
        }
    }

    @Test("F04, F07, P04: what hangs, closes its input or says nothing but garbage is replaced for everybody")
    func replaced() async throws {
        let servers = SharedServerTests.server(.shared) { $0.callTimeout = .milliseconds(600) }
        try await withBench(servers) { bench in
            let one = try await bench.open()
            let old = try await SharedServerTests.pid(one)
            #expect(try await one.say("freeze", id: 1).errorCode == 1001)
            try await eventuallyTrue("the process is gone") { !ProcessTable.isAlive(old) }
            let two = try await bench.open()
            let next = try await SharedServerTests.pid(two)
            let answer = try await two.say("babble", id: 1, #"{"lines":200}"#)
            #expect(answer.errorCode == -32603 || answer.errorCode == 1001)
            try await eventuallyTrue("that one too") { !ProcessTable.isAlive(next) }
            let three = try await bench.open()
            let last = try await SharedServerTests.pid(three)
            #expect(try await three.say("close-stdin", id: 1).status == 200)
            _ = try await three.say("echo", id: 2)
            try await eventuallyTrue("and that one") { !ProcessTable.isAlive(last) }
            #expect(try await SharedServerTests.pid(try await bench.open()) != last)
        }
    }

    @Test("P04: garbage that one user makes a shared server write costs the others nothing")
    func garbage() async throws {
        let registry = MetricsRegistry()
        try await withBench(SharedServerTests.server(.shared), change: { $0.metrics = registry }) { bench in
            let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
            let pid = try await SharedServerTests.pid(alice)
            async let slow = alice.say("sleep", id: 1, #"{"seconds":0.5}"#)
            for id in 1...3 {
                let answer = try await bob.say("garbage", id: id, #"{"lines":500,"text":"no"}"#)
                #expect(answer.text == "after", "\(answer.messages)")
            }
            #expect(try await slow.text == "slept")
            #expect(try await SharedServerTests.pid(alice) == pid)
            let text = String(decoding: registry.prometheusText(), as: UTF8.self)
            #expect(text.contains(#"sallyport_discarded_lines_total{server="demo"} 1500"#), "\(text)")
        }
    }

    @Test("P04, M10: one user who fills the input of a shared server leaves room for another", arguments: [1, 2])
    func fullInput(loops: Int) async throws {
        try await withBench(SharedServerTests.server(.shared), loopCount: loops) { bench in
            let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
            async let stalled = bob.say("stall", id: 1, #"{"seconds":3}"#)
            try await eventuallyTrue("it does not read") { await bench.gateway.openCalls == 1 }
            let large = String(repeating: "x", count: 2_600_000)
            let call = #"{"message":"\#(large)"}"#
            async let first = bob.say("echo", id: 2, call)
            try await eventuallyTrue("one waits") { await bench.gateway.openCalls == 2 }
            async let second = bob.say("echo", id: 3, call)
            try await eventuallyTrue("two wait") { await bench.gateway.openCalls == 3 }
            #expect(try await bob.say("echo", id: 4, call).errorCode == 1002, "refused at once")
            let small = String(repeating: "y", count: 300_000)
            let answer = try await alice.say("echo", id: 1, #"{"message":"\#(small)"}"#)
            #expect(answer.text == small, "\(answer.errorMessage ?? "")")
            #expect(try await stalled.text == "stalled")
            let answers = (try await first, try await second)
            #expect(answers.0.text == large && answers.1.text == large)
        }
    }

    @Test("F04: a slow call that is given up ends nothing, while the server says that it is there")
    func slowCall() async throws {
        let servers = SharedServerTests.server(.shared) { $0.callTimeout = .milliseconds(400) }
        try await withBench(servers) { bench in
            let (alice, bob) = (try await bench.open(), try await bench.open("/demo/mcp", "bob"))
            let pid = try await SharedServerTests.pid(alice)
            for id in 1...2 { #expect(try await bob.say("hang", id: id).errorCode == 1001) }
            #expect(try await SharedServerTests.pid(alice) == pid)
        }
    }
}
