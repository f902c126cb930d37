import Telemetry
import Testing

@Suite("Trace state")
struct TraceStateTests {
    private static let long = String(repeating: "x", count: 256)

    @Test(
        "W3C Trace Context §3.3: members go on in their order, from however many fields, without blanks",
        arguments: [
            (["a=1"], "a=1"), (["a=1,b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"), ([" a=1 ,\t b=2\t"], "a=1,b=2"),
            (["a=1,", ",,b=2", ""], "a=1,b=2"), (["0k_-*/@s=x y!~"], "0k_-*/@s=x y!~"), (["a=1,a=2"], "a=1,a=2"),
            (["\(long)=\(long.dropLast())"], "\(long)=\(long.dropLast())"),
        ])
    func members(values: [String], expected: String) { #expect(TraceState(values)?.text == expected) }

    @Test(
        "W3C Trace Context §3.3: what is malformed anywhere does not go on",
        arguments: [
            "", ",", "a", "=1", "a=", "A=1", "a=1;b=2,c", "a=1=2", "a =1", "@=1", "_=1", "a=\u{e9}", "a=\u{7f}",
            "a=1\r\nX: y", "a=\u{0}",
            "\(long)x=1", "a=\(long)x", "a=1,B=2",
        ])
    func malformed(value: String) { #expect(TraceState([value]) == nil) }

    @Test("W3C Trace Context §3.3.1.5: 32 members and 512 characters; the long ones are left out first, then the last")
    func bounds() {
        let crowd = (1...32).map { "k\($0)=1" }
        #expect(TraceState([crowd.joined(separator: ",")])?.text == crowd.joined(separator: ","))
        #expect(TraceState(crowd + ["one=more"]) == nil)
        let (first, second) = ("a=\(Self.long)", "b=\(Self.long)")
        #expect(TraceState(["c=1,\(first),d=2,\(second),e=3"])?.text == "c=1,\(first),d=2,e=3")
        let short = (10..<42).map { "k\($0)=0123456789abcdef" }
        // 20 characters and a comma each.
        #expect(TraceState(short)?.text == short.prefix(24).joined(separator: ","))
        let exact = (10..<34).map { "k\($0)=0123456789abcdef" } + ["k=" + String(repeating: "y", count: 6)]
        #expect(TraceState(exact)?.text.utf8.count == 512)
    }
}
