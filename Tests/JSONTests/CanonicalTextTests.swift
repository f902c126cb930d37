import Testing

@testable import JSON

/// The form in which texts are compared that say the same.
@Suite("Canonical text")
struct CanonicalTextTests {
    private static func canonical(_ text: String) throws -> String {
        String(decoding: JSONText.canonical(try JSONDocument(parsing: Array(text.utf8)).root), as: UTF8.self)
    }

    @Test(
        "white space, the order of members and how characters are escaped do not matter",
        arguments: [
            (#"{"b":1,"a":[true,null]}"#, #" { "a" : [ true , null ] , "b" : 1 } "#),
            (#"{"a":{"z":1,"y":{"d":2,"c":3}}}"#, #"{"a":{"y":{"c":3,"d":2},"z":1}}"#),
            (#""\u00e9\/\t""#, "\"é/\\u0009\""), (#"{"\u0061":1}"#, #"{"a":1}"#),
            (#""\ud83d\ude00""#, "\"\u{1F600}\""),
        ])
    func alike(one: String, other: String) throws {
        #expect(try Self.canonical(one) == Self.canonical(other))
    }

    @Test(
        "everything else does: numbers as they are written, the order of elements, characters that only look alike",
        arguments: [
            ("1", "1.0"), ("1e2", "100"), ("9007199254740993", "9007199254740992"), ("[1,2]", "[2,1]"),
            ("\"\u{E9}\"", "\"e\u{301}\""), (#"{"a":1}"#, #"{"A":1}"#), ("1", #""1""#), ("null", "false"), ("[]", "{}"),
            (#"{"a":1,"b":2}"#, #"{"a":2,"b":1}"#), (#""a ""#, #""a""#), (#"["a,b"]"#, #"["a","b"]"#),
        ])
    func different(one: String, other: String) throws {
        #expect(Array(try Self.canonical(one).utf8) != Array(try Self.canonical(other).utf8))
    }

    @Test("keys are ordered as bytes, and the deepest document has a form")
    func order() throws {
        #expect(try Self.canonical(#"{"é":1,"z":2,"Z":3,"":4}"#) == #"{"":4,"Z":3,"z":2,"é":1}"#)
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try Self.canonical(deep) == deep)
    }
}
