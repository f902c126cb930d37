import HTTP
import OAuth
import Testing

@Suite struct BearerTests {
    @Test(
        "R01: one Authorization header with one token, whatever the case of the scheme",
        arguments: [
            ([], .none), (["Basic eDp5"], .none), (["Bearer abc"], .token("abc")), (["bearer abc"], .token("abc")),
            (["BEARER  abc"], .token("abc")), (["Bearer"], .token("")), (["Bearer "], .token("")),
            (["Bearer a b"], .token("")), (["Bearer\ta"], .none), (["Bearer a\t"], .token("")),
            (["Bearer a", "Bearer a"], .malformed), (["Bearer a,b"], .token("")), (["Bearer \u{E9}"], .token("")),
            (["Bearer a", "Basic eDp5"], .malformed), (["", "Bearer a"], .malformed), ([""], .none),
            ([" Bearer a"], .none),
            (["Bearerabc"], .none),
            (["Bearer " + String(repeating: "a", count: 20_000)], .token("")),
        ] as [([String], BearerCredentials)])
    func parse(values: [String], expected: BearerCredentials) {
        var fields = HTTPFields()
        for value in values { fields.append("Authorization", value) }
        #expect(BearerCredentials.parse(fields) == expected)
    }

    @Test("R01: two Authorization lines are one too many, whatever their case and order") func fields() {
        var fields = HTTPFields()
        #expect(BearerCredentials.parse(fields) == .none)
        fields.append("X-Authorization", "Bearer x")
        fields.append("Proxy-Authorization", "Bearer x")
        #expect(BearerCredentials.parse(fields) == .none)
        fields.append("AUTHORIZATION", "bEaReR abc")
        #expect(BearerCredentials.parse(fields) == .token("abc"))
        fields.append("authorization", "Bearer abc")
        #expect(BearerCredentials.parse(fields) == .malformed)
    }

    @Test("R01: without a token the challenge names no error") func challenge() {
        let metadata = "https://gw.test/.well-known/oauth-protected-resource/a/mcp"
        let plain = BearerChallenge(scope: Scope(tokens: ["a", "b"]), resourceMetadata: metadata)
        #expect(plain.value == "Bearer resource_metadata=\"\(metadata)\", scope=\"a b\"")
        let wrong = BearerChallenge(
            error: .invalidToken, description: "x\"\r\ny", scope: Scope(tokens: []), resourceMetadata: nil)
        #expect(wrong.value == "Bearer error=\"invalid_token\", error_description=\"xy\"")
    }
}
