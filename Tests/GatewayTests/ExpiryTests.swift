import Foundation
import OAuth
import TestSupport
import Testing

@testable import Gateway

/// Streams and the end of the tokens that opened them. The token `short` is good for a second from each verification.
@Suite("Streams of expiring tokens", .timeLimit(.minutes(2)))
struct ExpiryTests {
    /// Comments would keep a reader waiting for ever that nobody ends.
    static func silent(_ configuration: inout GatewayConfiguration) { configuration.limits.keepAlive = .seconds(60) }

    @Test("T08: a stream ends in order when its token expires; with the next token it goes on where it was")
    func generalStream() async throws {
        try await withBench(change: Self.silent) { bench in
            let alice = try await bench.open("/demo/mcp", "short", version: "2025-11-25")
            let begin = ContinuousClock.now
            let stream = try await alice.listen()
            let priming = try #require(try await stream.next()?.id)
            #expect(try await stream.rest().isEmpty)
            let lasted = ContinuousClock.now - begin
            #expect(lasted > .milliseconds(700) && lasted < .seconds(3), "\(lasted)")
            let answer = try await alice.say("changed", id: 1)
            #expect(answer.text == "changed", "the session lives on")
            let resumed = try await alice.listen(lastEvent: priming)
            #expect(resumed.head.status == 200)
            _ = try await resumed.rest()
            let endless = try await bench.open("/demo/mcp", "alice", version: "2025-11-25")
            let open = try await endless.listen()
            _ = try await open.next()
            _ = try await endless.say("changed", id: 2)
            #expect(try await open.next()?.data?.contains("list_changed") == true)
        }
    }

    @Test("T08: the answer to a POST is resumed where the version promises that, and comes to its end where not")
    func answers() async throws {
        try await withBench(change: Self.silent) { bench in
            let call = PlainMCP.call("progress", id: 31, #"{"pause":0.9}"#, token: "7")
            let current = try await bench.open("/demo/mcp", "short", version: "2025-11-25")
            let cut = try await current.streamed(call)
            let events = try await cut.rest()
            #expect(!events.contains { $0.data?.contains("\"result\"") == true }, "\(events)")
            var last = try #require(events.last?.id)
            let answer = try await eventually("the answer") {
                for event in try await current.listen(lastEvent: last).rest() {
                    last = event.id ?? last
                    if event.data?.contains("\"result\"") == true { return event.data }
                }
                return nil as String?
            }
            #expect(answer.contains("31") && answer.contains("done"))
            let older = try await bench.open("/demo/mcp", "short", version: "2025-06-18")
            let whole = try await older.streamed(call).rest().compactMap(\.data)
            #expect(whole.count == 4 && whole.last?.contains("\"result\"") == true, "\(whole)")
        }
    }

    @Test("T08: a session ends with the grant by which it lives now, not with the one that began it")
    func latestGrant() async throws {
        try await withBench { bench in
            let watch = Task { await bench.gateway.watchRevocations() }
            defer { watch.cancel() }
            let first = try await bench.open("/demo/mcp", "alice")
            var later = first
            later.token = "alice-again"
            #expect(try await later.say("echo", id: 1, #"{"message":"g2"}"#).text == "g2")
            bench.revocations.revoke("g1")
            bench.revocations.revoke("g4")
            let bob = try await bench.open("/demo/mcp", "bob")
            try await eventuallyTrue("bob's session is gone", within: .seconds(5)) {
                try await bob.send(PlainMCP.request("ping", id: 1)).status == 404
            }
            #expect(try await later.say("echo", id: 2, #"{"message":"on"}"#).text == "on")
            bench.revocations.revoke("g2")
            try await eventuallyTrue("the session is gone", within: .seconds(5)) {
                try await later.send(PlainMCP.request("ping", id: 3)).status == 404
            }
            try await eventuallyTrue("its process is gone", within: .seconds(5)) { bench.gateway.processCount == 0 }
        }
    }

    @Test("T08: the SDK comes back after every end and misses nothing")
    func recovery() async throws {
        try await withBench { bench in
            let report = try await PythonClient.run(
                "stream_recovery.py", in: "current",
                ["url": "http://localhost:\(bench.port)/demo/mcp", "token": "short", "rounds": 8, "pause": 0.5])
            #expect(report["changed"] as? Int == 8, "\(report)")
            #expect(report["text"] as? String == "done" && (report["steps"] as? [Any])?.count == 3, "\(report)")
        }
    }
}
