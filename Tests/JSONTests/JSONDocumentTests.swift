import JSON
import Testing

@Suite struct JSONDocumentTests {
    static func document(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: Array(text.utf8)) }

    @Test func numberTextIsKept() throws {
        let document = try Self.document(#"{"a":9007199254740993,"b":1.0,"c":1e400,"d":-5}"#)
        #expect(document.root["a"]?.integer == 9_007_199_254_740_993)
        #expect(document.root["b"]?.integer == nil)
        #expect(document.root["b"]?.bytes.elementsEqual("1.0".utf8) == true)
        #expect(document.root["c"]?.number == nil)
        #expect(document.root["d"]?.integer == -5)
        #expect(JSONValue(document.root).serialized() == document.bytes)
    }

    @Test(
        "T07: duplicate keys are refused at any depth",
        arguments: [
            #"{"a":1,"a":2}"#, #"{"x":[{"b":{"a":1,"\u0061":2}}]}"#, #"{"aud":"good","aud":"bad"}"#,
            "{" + (0..<40).map { #""k\#($0)":0"# }.joined(separator: ",") + #","k7":1}"#,
            "{" + (0..<40).map { #""k\#($0)":0"# }.joined(separator: ",") + #","\u006b7":1}"#,
            #"{"\u00e9":1,"é":2}"#, #"[[{"\/":0,"/":0}]]"#,
            #"{"\#(String(repeating: "x", count: 5000))":0,"a":1,"a":2}"#,
        ])
    func duplicateKeys(text: String) {
        #expect(throws: JSONSyntaxError.self) { try Self.document(text) }
    }

    @Test func canonicallyEqualKeysAreDifferentKeys() throws {
        let document = try Self.document("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(document.root.count == 2)
        #expect(document.root["e\u{301}"]?.integer == 2)
    }

    @Test("H12: 100,000 levels are refused after 64")
    func deepNesting() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        let error = #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: text) }
        #expect(error?.code == .depth)
        #expect(error?.offset == 64)
    }

    @Test("H12: nesting takes no stack, where a limit lets it pass", arguments: [("[", "]"), (#"{"a":"#, "}")])
    func nestingTakesNoStack(open: String, close: String) throws {
        let levels = 100_000
        let text = String(repeating: open, count: levels) + "0" + String(repeating: close, count: levels)
        let bytes = Array(text.utf8)
        // A thread of 512 KiB, as the cooperative ones are, would not carry 100,000 frames.
        _ = try JSONDocument(parsing: bytes, limits: JSONLimits(maximumDepth: levels + 1))
        let error = #expect(throws: JSONSyntaxError.self) {
            try JSONDocument(parsing: bytes, limits: JSONLimits(maximumDepth: levels - 1))
        }
        #expect(error?.code == .depth)
    }

    @Test("H12: a text or an index over its limit is refused")
    func sizes() throws {
        let text = Array("[1,2,3]".utf8)
        _ = try JSONDocument(parsing: text, limits: JSONLimits(maximumBytes: 7, maximumValues: 4))
        let bytes = #expect(throws: JSONSyntaxError.self) {
            try JSONDocument(parsing: text, limits: JSONLimits(maximumBytes: 6))
        }
        #expect(bytes?.code == .size && bytes?.offset == 6)
        let values = #expect(throws: JSONSyntaxError.self) {
            try JSONDocument(parsing: text, limits: JSONLimits(maximumValues: 3))
        }
        #expect(values?.code == .tooManyValues && values?.offset == 5)
    }

    @Test("H12: looking for duplicates takes time in proportion to the text", .timeLimit(.minutes(1)))
    func manyKeys() throws {
        let many = "{" + (0..<20_000).map { #""key\#($0)":0"# }.joined(separator: ",") + "}"
        #expect(try Self.document(many).root.count == 20_000)
        let long = String(repeating: #"\u0061"#, count: 5000)
        let few = "{" + (0..<16).map { #""\#(long)\#($0)":0"# }.joined(separator: ",") + "}"
        #expect(try Self.document(few).root.count == 16)
    }

    @Test func lookupsTakeLiteralsAndWordsFromElsewhere() throws {
        let root = try Self.document(#"{"a":1,"\u0062":2,"long enough for the heap":3}"#).root
        let fixed: StaticString = "b"
        let made = "long enough " + String(describing: "for the heap")
        #expect(root["a"]?.integer == 1)
        #expect(root[fixed]?.integer == 2)
        #expect(root["b"]?.integer == 2)
        #expect(root[made]?.integer == 3)
        #expect(root["c"] == nil && root[""] == nil && root["a"]?["a"] == nil && root[0] == nil)
    }

    @Test(
        "T07: byte order mark, UTF-16, trailing comma and half surrogate pairs are refused",
        arguments: [
            [0xEF, 0xBB, 0xBF, 0x7B, 0x7D], [0x7B, 0x00, 0x7D, 0x00], Array(#"{"a":1,}"#.utf8),
            Array(#""\ud800""#.utf8),
            Array(#""\udc00x""#.utf8), Array(#""\ud800\ud800""#.utf8), Array(#""\ud800\n""#.utf8),
            Array(#"{"\ud800":1}"#.utf8), [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        ] as [[UInt8]])
    func oddUnicode(text: [UInt8]) {
        #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: text) }
    }

    @Test func everyPrefixIsRefused() throws {
        let text = Array(#" {"a":[1,-2.5e+3,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{"c":{}}} "#.utf8)
        _ = try JSONDocument(parsing: text)
        for length in 0..<(text.count - 1) {
            #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: Array(text[..<length])) }
        }
    }

    @Test func escapesAreDecoded() throws {
        let document = try Self.document(#"["\u00e9\ud83d\ude00\n\"\\\/", "plain"]"#)
        #expect(document.root[0]?.string == "\u{E9}\u{1F600}\n\"\\/")
        #expect(document.root[1]?.equals("plain") == true)
        #expect(document.root[2] == nil)
    }

    @Test func compactingRemovesLinesOutsideStringsOnly() throws {
        let document = try Self.document("{\n  \"a b\" : [ 1,\r\n\t2 ],\"q\":\"\\\" x\"\n}")
        #expect(String(decoding: JSONText.compacted(document), as: UTF8.self) == #"{"a b":[1,2],"q":"\" x"}"#)
    }

    @Test func writtenTextIsReadBack() throws {
        let value: JSONValue = ["s": "a\"\\\u{1}\n\u{1F600}", "n": [1, -2, nil, true], "o": [:]]
        let again = JSONValue(try JSONDocument(parsing: value.serialized()).root)
        #expect(again == value)
    }
}
