import JSON
import OAuth
import Testing

@Suite struct OAuthErrorTests {
    @Test("RFC 6749 §5.2: the description is ASCII without quotes, and the detail stays here") func json() throws {
        let error = OAuthError(.invalidGrant, "not \"ours\" \\ é\r\nX: y", detail: "canary")
        let document = try JSONDocument(parsing: error.json())
        #expect(document.root["error"]?.string == "invalid_grant")
        #expect(document.root["error_description"]?.string == "not 'ours' ' ???X: y")
        #expect(!String(decoding: error.json(), as: UTF8.self).contains("canary"))
    }

    @Test(arguments: [
        (OAuthError.Code.invalidClient, 401), (.invalidToken, 401), (.insufficientScope, 403), (.serverError, 500),
        (.temporarilyUnavailable, 503), (.invalidRequest, 400), (.invalidGrant, 400), (.invalidTarget, 400),
        (.invalidRedirectURI, 400), (.invalidClientMetadata, 400),
    ])
    func statusOfEachCode(code: OAuthError.Code, status: Int) {
        #expect(OAuthError(code, "").statusCode == status)
    }

    @Test("RFC 6749 §2.2: identifiers are bytes, canonically equivalent ones are two") func identifiers() {
        #expect(ClientID("\u{E9}") != ClientID("e\u{301}"))
        #expect(Set([UserID("\u{E9}"), UserID("e\u{301}"), UserID("\u{E9}")]).count == 2)
    }
}
