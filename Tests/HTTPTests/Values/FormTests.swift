import Testing

@testable import HTTP

@Suite struct FormTests {
    private func parse(_ text: String) throws(FormError) -> FormParameters {
        try FormParameters(parsing: Array(text.utf8))
    }

    @Test("parameters are decoded and kept in order")
    func decoded() throws {
        let form = try parse("a=1&b=%20x+y&a=2&c&d=&%61b=%C3%A9&=v&&e==")
        #expect(form.names == ["a", "b", "a", "c", "d", "ab", "", "e"])
        #expect(form.values("a") == ["1", "2"])
        #expect(form.values("b") == [" x y"])
        #expect(form.values("c") == [""])
        #expect(form.values("ab") == ["\u{E9}"])
        #expect(form.values("e") == ["="])
        #expect(try parse("").names == [])
    }

    @Test("A10: a repeated parameter is told apart from an absent one")
    func unique() throws {
        let form = try parse("a=1&b=2&b=2&c=")
        #expect(try form.unique("a") == "1")
        #expect(try form.unique("x") == nil)
        #expect(try form.unique("c") == "")
        #expect(throws: FormError.duplicate("b")) { try form.unique("b") }
    }

    @Test("names that only Unicode holds equal stay two")
    func bytewise() throws {
        let form = try parse("%C3%A9=1&e%CC%81=2")
        #expect(form.values("\u{E9}") == ["1"])
        #expect(form.values("e\u{301}") == ["2"])
    }

    @Test(
        "broken encodings are refused",
        arguments: [
            ("a=%", FormError.syntax), ("a=%2", .syntax), ("a=%zz", .syntax), ("a=%+1", .syntax), ("%=1", .syntax),
            ("a=%C3", .invalidUTF8), ("a=%FF", .invalidUTF8), ("%C0%AF=1", .invalidUTF8), ("a=%ED%A0%80", .invalidUTF8),
            ("a=b c", .syntax), ("a=b\r\nc", .syntax), ("a=\u{00}", .syntax),
        ])
    func broken(_ text: String, _ error: FormError) {
        #expect(throws: error) { try parse(text) }
    }

    @Test("forms are bounded")
    func bounds() {
        #expect(throws: FormError.tooMany) { try parse(String(repeating: "a=1&", count: 129)) }
        #expect(throws: FormError.tooLarge) { try parse(String(repeating: "a", count: 65_537)) }
    }

    @Test("what is encoded is decoded to the same")
    func roundTrip() throws {
        let pairs = [("a b", "c&d=e"), ("\u{E9}", "%\r\n+"), ("", "")]
        let form = try parse(FormParameters.encoded(pairs))
        #expect(form.all.map(\.name) == pairs.map(\.0))
        #expect(form.all.map(\.value) == pairs.map(\.1))
    }
}
