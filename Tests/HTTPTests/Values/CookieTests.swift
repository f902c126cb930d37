import Testing

@testable import HTTP

@Suite struct CookieTests {
    private func fields(_ lines: String...) -> HTTPFields {
        var fields = HTTPFields()
        for line in lines { fields.append("Cookie", line) }
        return fields
    }

    @Test("cookies are found by their exact name")
    func found() {
        let fields = fields("a=1; b=2;c=3; d=\"4\"; e==5; f=", "g=7")
        #expect(CookieParser.value(of: "a", in: fields) == "1")
        #expect(CookieParser.value(of: "c", in: fields) == "3")
        #expect(CookieParser.value(of: "d", in: fields) == "\"4\"")
        #expect(CookieParser.value(of: "e", in: fields) == "=5")
        #expect(CookieParser.value(of: "f", in: fields) == "")
        #expect(CookieParser.value(of: "g", in: fields) == "7")
        #expect(CookieParser.value(of: "A", in: fields) == nil)
        #expect(CookieParser.names(in: fields) == ["a", "b", "c", "d", "e", "f", "g"])
    }

    @Test("U05: a cookie that comes twice is none", arguments: [["s=1; s=2"], ["s=1; s=1"], ["s=1", "s=2"]])
    func tossed(_ lines: [String]) {
        var fields = HTTPFields()
        for line in lines { fields.append("Cookie", line) }
        #expect(CookieParser.value(of: "s", in: fields) == nil)
    }

    @Test(
        "what no cookie looks like is left out",
        arguments: [
            "novalue", "=x", "a b=c", "s=a b", "s=a,b", "s=\u{E9}", "s\u{E9}=1", "s=a\\b", "(s)=1", ";;;", "",
        ])
    func broken(_ line: String) {
        #expect(CookieParser.names(in: fields(line)) == [])
    }

    @Test("U05: a set cookie is HttpOnly, same-site and for one path")
    func set() throws {
        var cookie = try #require(SetCookie(name: "__Host-session", value: "abc"))
        cookie.maximumAge = 60
        #expect(cookie.text == "__Host-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60")
        for (name, value) in [("", "a"), ("a b", "c"), ("a", "b;c"), ("a", "b\r\nc"), ("a;b", "c"), ("a", "b c")] {
            #expect(SetCookie(name: name, value: value) == nil)
        }
    }
}
