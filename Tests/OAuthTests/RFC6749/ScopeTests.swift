import OAuth
import Testing

@Suite struct ScopeTests {
    @Test(
        "RFC 6749 §3.3: tokens of printable ASCII between single spaces, and nothing else",
        arguments: [
            "", " ", "a ", " a", "a  b", "a\tb", "a\nb", "a\u{A0}b", "a\"b", "a\\b", "a\u{7F}", "\u{E9}", "a\0",
            Array(repeating: "a", count: 101).joined(separator: " "),
        ])
    func refused(text: String) {
        #expect(throws: OAuthError(.invalidScope, "")) { try Scope(parsing: text) }
    }

    @Test func aScopeIsASet() throws {
        let scope = try Scope(parsing: "b a b mcp:tools !#$%&'()*+,-./:;<=>?@[]^_`{|}~")
        #expect(scope.tokens.count == 4 && scope.description.hasPrefix("b a mcp:tools "))
        #expect(try Scope(parsing: "a b") == Scope(parsing: "b a b"))
        #expect(try Scope(parsing: "a b").hashValue == Scope(parsing: "b a").hashValue)
        #expect(try Scope(parsing: "a b").contains(Scope(parsing: "b")))
        #expect(try !Scope(parsing: "a b").contains(Scope(parsing: "b c")) && !Scope(parsing: "ab").contains("a"))
        #expect(try Scope(parsing: "A") != Scope(parsing: "a"))
    }
}
