import OAuth
import Testing

@Suite struct BearerTests {
    @Test(
        "R01: one Authorization header with one token, whatever the case of the scheme",
        arguments: [
            ([], .none), (["Basic eDp5"], .none), (["Bearer abc"], .token("abc")), (["bearer abc"], .token("abc")),
            (["BEARER  abc"], .token("abc")), (["Bearer"], .malformed), (["Bearer "], .malformed),
            (["Bearer a b"], .malformed),
            (["Bearer a", "Bearer a"], .malformed), (["Bearer a,b"], .malformed), (["Bearer \u{E9}"], .malformed),
            (["Bearerabc"], .none),
            (["Bearer " + String(repeating: "a", count: 20_000)], .malformed),
        ] as [([String], BearerCredentials)])
    func parse(values: [String], expected: BearerCredentials) {
        #expect(BearerCredentials(authorization: values) == expected)
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
