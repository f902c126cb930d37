import Testing

@testable import HTTP

@Suite struct ContentLengthTests {
    static let refused = [
        "+5", "-5", "0x5", "5,5", "5, 5", "5 5", "5;", "", "9223372036854775808", "18446744073709551616",
        "99999999999999999999999", "5,", ",5", "5\t5", "5.0", "5e0", "0b101", "0o5", "five", "\"5\"", "'5'", "5_0",
        "5\u{A0}", "\u{FF15}", "5\u{0B}", "(5)", "5%35", "5=5", "5, 6", "-0", "+0", "#5", "0X5", "5h", "\\5",
    ]

    @Test("H02: a Content-Length that is not plain digits is refused", arguments: refused)
    func malformed(_ value: String) {
        #expect(Probe().judge(request("Content-Length: \(value)", content: "hello")) == .refused(400))
    }

    @Test(
        "H02: a repeated Content-Length is refused, equal or not",
        arguments: [("5", "5"), ("5", "6"), ("0", "0"), ("5", ""), ("6", "5")])
    func repeated(_ first: String, _ second: String) {
        let text = request("Content-Length: \(first)", "content-length: \(second)", content: "hello")
        #expect(Probe().judge(text) == .refused(400))
    }

    @Test("H02: leading zeros do not make it octal", arguments: [("010", 10), ("0005", 5), ("00", 0), ("08", 8)])
    func decimal(_ value: String, _ count: Int) throws {
        let content = String(repeating: "x", count: count)
        let verdict = Probe().judge(request("Content-Length: \(value)", content: content + "rest"))
        guard case .admitted(_, _, _, _, _, let found) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(found == Array(content.utf8))
    }
}
