import Foundation
import Telemetry
import Testing

@Suite struct TimeTests {
    @Test func datesAgreeWithFoundation() {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        for seconds in stride(from: -5_000_000_000, to: 9_000_000_000, by: 123_456_789) {
            let moment = Timestamp(millisecondsSinceEpoch: Int64(seconds) * 1000 + 7)
            #expect(moment.iso8601 == formatter.string(from: Date(timeIntervalSince1970: Double(seconds) + 0.007)))
        }
        #expect(CivilDate(Timestamp(millisecondsSinceEpoch: 0)).weekday == 4)
    }

    @Test func arithmeticSaturates() {
        let last = Timestamp(millisecondsSinceEpoch: .max)
        #expect(last + .seconds(1) == last)
        #expect(Timestamp(millisecondsSinceEpoch: -1).seconds == -1)
        #expect(Timestamp(millisecondsSinceEpoch: 5000) - Timestamp(millisecondsSinceEpoch: 2000) == .seconds(3))
    }

    @Test(arguments: [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "",
    ])
    func traceparent(text: String) {
        let context = TraceContext(traceparent: text)
        #expect((context != nil) == text.hasPrefix("00-4bf9"))
        if let context { #expect(context.traceparent == text) }
    }
}
