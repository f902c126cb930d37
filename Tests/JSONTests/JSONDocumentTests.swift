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
        ])
    func duplicateKeys(text: String) {
        #expect(throws: JSONSyntaxError.self) { try Self.document(text) }
    }

    @Test func canonicallyEqualKeysAreDifferentKeys() throws {
        let document = try Self.document("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(document.root.count == 2)
        #expect(document.root["e\u{301}"]?.integer == 2)
    }

    @Test("H12: 100,000 levels are refused without using the stack")
    func deepNesting() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        let error = #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: text) }
        #expect(error?.code == .depth)
        #expect(error?.offset == 64)
    }

    @Test(
        "T07: byte order mark, UTF-16, trailing comma and half surrogate pairs are refused",
        arguments: [
            [0xEF, 0xBB, 0xBF, 0x7B, 0x7D], [0x7B, 0x00, 0x7D, 0x00], Array(#"{"a":1,}"#.utf8),
            Array(#""\ud800""#.utf8),
            Array(#""\udc00x""#.utf8), [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
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

    @Test func patchLeavesEverythingElseAsItCame() throws {
        let document = try Self.document(#"{ "id" : 1 , "x":1.0,"params":{"_meta":{}} }"#)
        var patch = JSONPatch(document)
        patch.replace(try #require(document.root["id"]), with: Array("77".utf8))
        let meta = try #require(document.root["params"]?["_meta"])
        patch.set("k", to: Array("true".utf8), in: meta)
        patch.set("l", to: Array("null".utf8), in: meta)
        let text = String(decoding: patch.applied(), as: UTF8.self)
        #expect(text == #"{ "id" : 77 , "x":1.0,"params":{"_meta":{"k":true,"l":null}} }"#)
    }

    @Test(arguments: [("a", #"{"b":2,"c":3}"#), ("b", #"{"a":1,"c":3}"#), ("c", #"{"a":1,"b":2}"#)])
    func patchRemovesWithItsComma(key: String, expected: String) throws {
        let document = try Self.document(#"{"a":1,"b":2,"c":3}"#)
        var patch = JSONPatch(document)
        switch key {
        case "a": patch.remove("a", from: document.root)
        case "b": patch.remove("b", from: document.root)
        default: patch.remove("c", from: document.root)
        }
        #expect(String(decoding: patch.applied(), as: UTF8.self) == expected)
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
