import JSON
import Telemetry
import Testing

@testable import Sallyport

/// What `sallyport audit` finds.
@Suite struct AuditQueryTests {
    private static let now = Timestamp(millisecondsSinceEpoch: 1_795_239_060_123)

    @Test(
        "a time is a duration before now, a date, or a date with a time",
        arguments: [
            ("24h", "2026-11-20T05:31:00.123Z"), ("2026-11-21", "2026-11-21"),
            ("2026-11-21T05:30Z", "2026-11-21T05:30"),
            ("2026-11-21T05", "2026-11-21T05"), ("2026-11-21T05:30:00.5", "2026-11-21T05:30:00.5"),
        ])
    func times(text: String, bound: String) {
        #expect(AuditQuery.time(text, now: Self.now) == bound)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "yesterday", "2026-1-2", "2026-11-21T", "20261121", "2026-11-21 05:30", "2026-11-21T05:30:00.1234",
            "２０２６-11-21",
        ])
    func noTimes(text: String) {
        #expect(AuditQuery.time(text, now: Self.now) == nil)
    }

    @Test("an event matches when each bound does")
    func matches() throws {
        let text =
            #"{"time":"2026-11-21T05:31:00.123Z","action":"token_issued","outcome":"success","user":"u1","client":"c1","server":"s1","tool":"t1"}"#
        let event = try JSONDocument(parsing: Array(text.utf8)).root
        var query = AuditQuery()
        #expect(query.matches(event))
        query.users = ["u1"]
        query.client = "c1"
        query.server = "s1"
        query.tool = "t1"
        query.outcomes = ["success", "failed"]
        query.actions = AuditQuery.tokenActions
        query.since = "2026-11-21T05:31:00.123Z"
        query.until = "2026-11-21T05:31:00.124Z"
        #expect(query.matches(event))
        let changes: [(inout AuditQuery) -> Void] = [
            { $0.users = ["u2"] }, { $0.client = "c" }, { $0.server = "s" },
            { $0.tool = "t" }, { $0.outcomes = ["denied"] }, { $0.actions = ["login_failed"] },
            { $0.since = "2026-11-21T05:31:00.124Z" }, { $0.until = "2026-11-21" },
        ]
        for change in changes {
            var other = query
            change(&other)
            #expect(!other.matches(event))
        }
        let bare = try JSONDocument(parsing: Array("{}".utf8)).root
        #expect(!query.matches(bare) && AuditQuery().matches(bare))
    }
}
