import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// What is left of answers of `/verify`.
extension VerifyTests {
    @Test(
        "O05: what becomes of a question is counted, and in the trail by principal and minute; who asks too often gets 429"
    )
    func traces() async throws {
        let (clock, trail, metrics) = (ManualClock(), Trail(), MetricsRegistry())
        var limits = RequestRateLimits()
        limits.perUser = 3
        let tally = AuditTally(trail.log, clock: clock.clock)
        let endpoint = Self.make(
            external: true, rates: RequestRates(limits, clock: clock.clock, in: MetricsRegistry())
        ) {
            $0.tally = tally
            $0.metrics = metrics
        }
        func statuses(_ token: String?, _ uri: String, times: Int) async throws -> [Int] {
            var statuses: [Int] = []
            for _ in 0..<times { statuses.append(try await ask(endpoint, token, uri).status.code) }
            return statuses
        }
        #expect(try await statuses("alice~fetch.test_mcp", "/mcp", times: 5) == [200, 200, 200, 429, 429])
        #expect(try await statuses("mallory", "/mcp", times: 4) == [401, 401, 401, 401])
        #expect(try await statuses(nil, "/mcp", times: 2) == [401, 401])
        #expect(try await statuses("down", "/mcp", times: 1) == [503])
        #expect(try await statuses("alice~fetch.test_mcp_admin", "/mcp/admin", times: 2) == [403, 403])
        let limited = try await ask(endpoint, "alice~fetch.test_mcp", "/mcp")
        #expect(limited.fields["retry-after"] == "20")
        tally.settle(isLast: true)
        let text = String(decoding: metrics.prometheusText(), as: UTF8.self)
        for (outcome, count) in [
            ("passed", 3), ("limited", 3), ("bad_token", 4), ("no_token", 2), ("unavailable", 1), ("forbidden", 2),
        ] {
            #expect(text.contains(#"sallyport_verify_total{outcome="\#(outcome)"} \#(count)"#), "\(outcome): \(text)")
        }
        let said = trail.all.map { event in
            let words = [event.user, event.server] + event.detail.map(\.1)
            return "\(event.action) \(event.outcome) \(words.compactMap(\.self).joined(separator: " "))"
        }
        #expect(
            said.sorted() == [
                "accessVerified denied fetch 1 bad_token", "accessVerified denied fetch 3 bad_token",
                "accessVerified denied u-1 admin 1 forbidden", "accessVerified denied u-1 admin 1 forbidden",
                "accessVerified success u-1 fetch 1", "accessVerified success u-1 fetch 2",
                "requestsLimited denied u-1 fetch 1", "requestsLimited denied u-1 fetch 2",
            ])
        #expect(trail.all.first { $0.user == nil }?.remoteAddress == "10.0.0.1")
    }
}
