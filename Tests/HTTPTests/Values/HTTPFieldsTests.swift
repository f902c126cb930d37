import Testing

@testable import HTTP

@Suite struct HTTPFieldsTests {
    @Test("names have no case, values keep every byte")
    func lookup() {
        var fields: HTTPFields = ["Content-Type": "text/plain", "X-A": "1", "x-a": "2"]
        #expect(fields["content-type"] == "text/plain")
        #expect(fields["CONTENT-TYPE"] == "text/plain")
        #expect(fields.values("x-A") == ["1", "2"])
        #expect(fields.count(of: "x-a") == 2)
        #expect(fields["x-b"] == nil)
        fields.replace("X-A", "3")
        #expect(fields.values("x-a") == ["3"])
        fields.remove("content-type")
        #expect(fields.map(\.name) == ["x-a"])
        #expect(!fields.contains("content-type"))
        fields.removeAll { $0.hasPrefix("x-") }
        #expect(fields.isEmpty)
    }

    @Test("lists over several fields are split without blanks")
    func lists() {
        let fields: HTTPFields = ["Accept": "a, b ;q=1,,", "accept": " c\t"]
        #expect(fields.list("accept") == ["a", "b ;q=1", "c"])
    }

    @Test("a validated name is found as a literal, and the reverse")
    func validated() throws {
        let name = try #require(HTTPFieldName(validating: "X-Long-Header-Name-Of-Mine"))
        var fields = HTTPFields()
        fields.append(name, "\u{E9}\t1")
        #expect(fields["x-long-header-name-of-mine"] == "\u{E9}\t1")
        #expect(name == "x-LONG-header-name-of-mine")
    }
}
