import MCP
import Testing

@Suite("Line framer")
struct LineFramerTests {
    static let text = Array("{\"a\":1}\n\n\r\nsecond\r\n\u{FC}third\nlast".utf8)
    static let lines: [LineFramer.Line] = ["{\"a\":1}", "second", "\u{FC}third"].map { .complete(Array($0.utf8)) }

    @Test("d1: whole, byte by byte and every split give the same lines")
    func splits() {
        var whole = LineFramer()
        #expect(whole.feed(Self.text) == Self.lines)
        #expect(whole.pendingBytes == 4)
        var single = LineFramer()
        #expect(Self.text.flatMap { single.feed([$0]) } == Self.lines)
        for cut in 0...Self.text.count {
            var framer = LineFramer()
            let found = framer.feed(Array(Self.text[..<cut])) + framer.feed(Array(Self.text[cut...]))
            #expect(found == Self.lines, "cut at \(cut)")
        }
    }

    @Test("P04: a line over the limit is gone, the next one is whole", arguments: [1, 3, 7, 100])
    func oversized(piece: Int) {
        var framer = LineFramer(maximumBytes: 10)
        let input = Array("0123456789\n01234567890\nshort\n".utf8)
        var found: [LineFramer.Line] = []
        for start in stride(from: 0, to: input.count, by: piece) {
            found += framer.feed(Array(input[start..<min(start + piece, input.count)]))
            #expect(framer.pendingBytes <= 10)
        }
        #expect(found == [.complete(Array("0123456789".utf8)), .oversized, .complete(Array("short".utf8))])
    }
}
