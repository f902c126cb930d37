import OAuth
import Testing

@Suite struct PKCETests {
    @Test("RFC 7636 appendix B: the example verifies") func example() throws {
        let verifier = try PKCE.Verifier(parsing: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        let challenge = try #require(PKCE.Challenge(s256: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))
        #expect(challenge.verify(verifier) && verifier.challenge == challenge.text)
        #expect(!challenge.verify(.random()))
    }

    @Test(
        "A05: a verifier outside 43 to 128 unreserved characters is invalid_request",
        arguments: [
            "", String(repeating: "a", count: 42), String(repeating: "a", count: 129),
            String(repeating: "a", count: 42) + "+",
            String(repeating: "a", count: 42) + "\u{E9}", String(repeating: "a", count: 43) + "\n",
        ])
    func verifier(text: String) {
        #expect(throws: OAuthError(.invalidRequest, "")) { try PKCE.Verifier(parsing: text) }
    }

    @Test(
        "A04: a challenge that is no SHA-256 digest is none",
        arguments: [
            "", "abc", String(repeating: "A", count: 42), String(repeating: "A", count: 44),
            String(repeating: "=", count: 43),
            String(repeating: "A", count: 42) + "B",
        ])
    func challenge(text: String) {
        #expect(PKCE.Challenge(s256: text) == nil)
    }
}
