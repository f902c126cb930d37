import Testing

@testable import HTTP

@Suite struct ServerSentEventTests {
    private func event(_ data: String, id: String? = nil, event: String? = nil, retry: Int? = nil) -> ServerSentEvent {
        ServerSentEvent(id: id, event: event, data: Array(data.utf8), retry: retry)
    }

    /// Whole, byte by byte and cut at every place must agree.
    private func parse(_ text: String) throws -> [ServerSentEvent] {
        let bytes = Array(text.utf8)
        var whole = ServerSentEventParser()
        let events = try whole.feed(bytes)
        var bytewise = ServerSentEventParser()
        #expect(try bytes.flatMap { try bytewise.feed([$0]) } == events)
        for cut in bytes.indices {
            var parser = ServerSentEventParser()
            #expect(try parser.feed(bytes[..<cut]) + parser.feed(bytes[cut...]) == events)
        }
        return events
    }

    @Test("streams are read as WHATWG HTML says, with every line end and cut")
    func parsed() throws {
        #expect(try parse("data: a\n\n") == [event("a")])
        #expect(try parse("data: a\r\ndata: b\r\n\r\n") == [event("a\nb")])
        #expect(try parse("data:a\rdata:  b\r\r") == [event("a\n b")])
        #expect(
            try parse(": hi\nevent: message\nid: 7\ndata: {}\n\ndata: x\n\n") == [
                event("{}", id: "7", event: "message"), event("x", id: "7"),
            ])
        #expect(try parse("retry: 1500\ndata:\n\n") == [event("", retry: 1500)])
        #expect(try parse("\u{FEFF}data: a\n\n") == [event("a")])
        #expect(try parse("data\n\ndata\ndata\n\n") == [event(""), event("\n")])
        #expect(try parse("id: 1\n\ndata: a\n\n") == [event("a", id: "1")])
        #expect(try parse("id: a\u{00}b\nretry: 1x\nfoo: bar\ndata: a\n\n") == [event("a")])
    }

    @Test(
        "F15: an event that the end of the stream cuts is not an event",
        arguments: ["data: a", "data: a\n", "event: x\nid: 1\ndata: a\r\n"])
    func cut(_ text: String) throws {
        #expect(try parse(text) == [])
    }

    @Test("what is encoded is read back", arguments: ["", "a", "a\nb", "a\n\nb", "\n", " a", "{\"a\":1}", "data: x"])
    func roundTrip(_ data: String) throws {
        let original = event(data, id: "1-2", event: "message", retry: 3)
        #expect(try parse(String(decoding: original.encoded(), as: UTF8.self)) == [original])
    }

    @Test("H12: a line end in data, id or type cannot begin another field")
    func injection() throws {
        let hostile = event("a\r\nid: evil\rdata: b\n\nevent: c", id: "1\nid: 2", event: "x\r\ndata: y")
        let parsed = try parse(String(decoding: hostile.encoded(), as: UTF8.self))
        #expect(parsed == [event("a\nid: evil\ndata: b\n\nevent: c")])
    }

    @Test("lines and events are bounded")
    func bounds() {
        var parser = ServerSentEventParser(maximumBytes: 10)
        #expect(throws: ServerSentEventError.self) { try parser.feed(Array("data: aaaaaaaaaa".utf8)) }
        var many = ServerSentEventParser(maximumBytes: 10)
        #expect(throws: ServerSentEventError.self) {
            try many.feed(Array("data:aaa\ndata:aaa\ndata:aaa\ndata:aaa\n".utf8))
        }
    }
}
