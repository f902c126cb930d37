import OAuth
import Testing

/// `WWW-Authenticate` as a client reads it.
@Suite struct ChallengeReaderTests {
    @Test(
        "d11: the parameters of the first challenge of a scheme",
        arguments: [
            ("Bearer", [:]), ("Negotiate abc==, Bearer scope=\"a b\"", ["scope": "a b"]),
            ("bearer realm=\"x\", error=invalid_token", ["realm": "x", "error": "invalid_token"]),
            ("Bearer scope = \"a\" , scope=\"b\"", ["scope": "a"]),
            (
                "Bearer error_description=\"say \\\"no\\\", then go\", scope=\"s\"",
                ["error_description": "say \"no\", then go", "scope": "s"]
            ),
            (
                "Bearer resource_metadata=\"https://a.test/.well-known/x\"",
                ["resource_metadata": "https://a.test/.well-known/x"]
            ),
            ("DPoP algs=\"ES256\", Bearer a=b, Basic realm=\"c\", a=d", ["a": "b"]),
            ("Bearer scope=\"unended", ["scope": "unended"]), (", ,Bearer x=", ["x": ""]),
        ] as [(String, [String: String])])
    func parameters(text: String, expected: [String: String]) {
        #expect(ChallengeReader.parameters(of: "Bearer", in: [text]) == expected)
    }

    @Test("d11: other schemes, nonsense and endless values are no challenge of this scheme")
    func others() {
        for text in ["", "Basic realm=\"x\"", "=", "\"Bearer\"", "Bearerx a=b"] {
            #expect(ChallengeReader.parameters(of: "bearer", in: [text]) == nil, "\(text)")
        }
        let long = "Bearer a=\"" + String(repeating: "x", count: 9000) + "\""
        #expect(ChallengeReader.parameters(of: "bearer", in: [long, "Bearer b=c"]) == ["b": "c"])
    }
}
