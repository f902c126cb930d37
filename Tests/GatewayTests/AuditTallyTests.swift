import JSON
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What may come often, in the audit trail.
@Suite("Tally of the audit trail", .timeLimit(.minutes(2)))
struct AuditTallyTests {
    private let clock = ManualClock()
    private let trail = Trail()

    private func subject(_ user: String?) -> AuditSubject { AuditSubject(user: user, client: "c", server: "s") }

    /// Who, and how often.
    private var counts: [String] {
        trail.all.map { "\($0.user ?? "-") \($0.detail.first { $0.0 == "count" }?.1 ?? "")" }
    }

    @Test("a flood is two events a minute, and their counts add up")
    func flood() {
        let tally = AuditTally(trail.log, clock: clock.clock)
        func come(_ user: String, times: Int) {
            for _ in 0..<times { tally.note(.requestsLimited, .denied, subject(user), remoteAddress: "a") }
        }
        come("alice", times: 1000)
        come("bob", times: 1)
        #expect(counts == ["alice 1", "bob 1"], "the first of each at once")
        clock.advance(by: .seconds(59))
        tally.settle()
        #expect(trail.all.count == 2)
        clock.advance(by: .seconds(1))
        tally.settle()
        #expect(counts == ["alice 1", "bob 1", "alice 999"])
        come("alice", times: 5)
        come("bob", times: 1)
        #expect(counts.suffix(1) == ["bob 1"], "who had stopped begins anew, who goes on does not")
        tally.settle(isLast: true)
        #expect(counts.suffix(1) == ["alice 5"])
        tally.settle(isLast: true)
        #expect(trail.all.count == 5 && trail.all.allSatisfy { $0.outcome == .denied })
    }

    @Test("M10: the table is bounded, and what finds it full is counted together")
    func bounded() {
        let tally = AuditTally(trail.log, clock: clock.clock, capacity: 3)
        for number in 0..<50 {
            tally.note(.accessVerified, .denied, subject("u\(number)"), reason: "bad", remoteAddress: nil)
        }
        #expect(counts == ["u0 1", "u1 1", "u2 1"])
        tally.settle(isLast: true)
        #expect(counts.last == "- 47")
        #expect(trail.all.last?.detail.contains { $0 == ("reason", "bad") } == true)
    }

    @Test(
        "O05: who comes too often is in the trail, with the number of requests, and so is who may use nothing of a server"
    )
    func endpoints() async throws {
        var rules = AccessRules()
        rules.mappings = ["groups:Admin": ["admin"]]
        rules.permissions = ["demo:*": ["admin"]]
        try await withBench(change: { configuration in
            configuration.rates.perUser = 8
            configuration.access = rules
        }) { bench in
            var stranger = PlainMCP(port: bench.port, path: "/demo/mcp", token: "bob")
            let refused = try await onThread { [stranger] in
                var own = stranger
                return try own.open()
            }
            #expect(refused.status == 403)
            let modern = PlainModernMCP(port: bench.port, path: "/demo/mcp", token: "bob")
            #expect(try await modern.say("echo").status == 403)
            stranger.token = "alice-admin"
            let client = try await bench.open("/demo/mcp", "alice-admin")
            var statuses: [Int] = []
            for id in 1...20 { statuses.append(try await client.say("pid", id: id).status) }
            let limited = statuses.count { $0 == 429 }
            #expect(limited > 10 && statuses.contains(200))
            #expect(bench.trail.all.count { $0.action == .requestsLimited } == 1, "the first, at once")
            await bench.gateway.drain(within: .zero)
            let events = bench.trail.all
            let limits = events.filter { $0.action == .requestsLimited }
            let counts = limits.map { event in event.detail.first { $0.0 == "count" }?.1 ?? "" }
            #expect(counts == ["1", String(limited - 1)])
            #expect(limits.allSatisfy { $0.user == "alice" && $0.server == "demo" && $0.outcome == .denied })
            let denied = events.filter { $0.outcome == .denied && $0.user == "bob" }
            #expect(denied.map(\.action) == [.sessionStarted, .toolCalled])
            #expect(denied.allSatisfy { $0.requestID != nil } && denied.last?.tool == "echo")
        }
    }
}
