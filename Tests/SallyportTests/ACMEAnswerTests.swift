import HTTP
import Testing

@testable import Sallyport

/// What an authority asks for in its answers.
@Suite("Answers of a certificate authority")
struct ACMEAnswerTests {
    private static func pause(_ retryAfter: String?, date: String? = "Sun, 22 Nov 2026 12:00:00 GMT") -> Duration? {
        var fields = HTTPFields()
        if let date { fields.append("Date", date) }
        if let retryAfter { fields.append("Retry-After", retryAfter) }
        return ACMEAnswer(status: .ok, fields: fields, body: []).retryAfter
    }

    @Test("O04: Retry-After is seconds or a date, never more than a day")
    func retryAfter() {
        #expect(Self.pause("120") == .seconds(120) && Self.pause("0") == .zero && Self.pause(nil) == nil)
        #expect(Self.pause("Sun, 22 Nov 2026 12:10:00 GMT") == .seconds(600))
        #expect(Self.pause("Sun, 22 Nov 2026 11:59:59 GMT") == .zero, "it has passed")
        for long in [
            "999999", "99999999999999999999999", "Tue, 01 Dec 2026 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            #expect(Self.pause(long) == .seconds(86_400), "\(long)")
        }
        // By our own clock, where the answer has no date that can be read.
        for date in [nil, "yesterday"] {
            #expect(Self.pause("Sun, 06 Nov 1994 08:49:37 GMT", date: date) == .zero)
            #expect(Self.pause("Fri, 31 Dec 9999 23:59:59 GMT", date: date) == .seconds(86_400))
        }
    }

    @Test(
        "O04: what is neither counts as nothing",
        arguments: [
            "", "-5", "+5", "1.5", "soon", "Mon, 22 Nov 2026 12:10:00 GMT", "Sun, 31 Feb 2027 12:00:00 GMT",
            "Sun, 22 nov 2026 12:10:00 GMT", "Sun, 22 Nov 2026 24:00:00 GMT", "Sun, 22 Nov 2026 12:10:00 UTC",
            "Sunday, 22-Nov-26 12:10:00 GMT", "Sun Nov 22 12:10:00 2026", "Sun, 22 Nov 2026 12:1é:00 GM",
        ])
    func nonsense(_ text: String) {
        #expect(Self.pause(text) == nil)
    }
}
