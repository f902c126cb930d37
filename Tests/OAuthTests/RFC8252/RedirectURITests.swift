import OAuth
import Testing

@Suite struct RedirectURITests {
    static let registered = "https://app.test/cb?x=1"

    /// Everything an attacker tries instead of the registered URI.
    static let mutants = [
        "https://app.test/cb", "https://app.test/cb/?x=1", "https://app.test/cb?x=1&y=2", "https://app.test/cb?y=2&x=1",
        "https://app.test/cb?x=2", "https://app.test/cb?X=1", "https://app.test/Cb?x=1", "https://APP.test/cb?x=1",
        "HTTPS://app.test/cb?x=1", "https://app.test:443/cb?x=1", "https://app.test:8443/cb?x=1",
        "http://app.test/cb?x=1", "https://app.test/%63b?x=1", "https://app.test/c%62?x=1", "https://app.test/cb?x=%31",
        "https://app.test/cb?%78=1", "https://app.test/./cb?x=1", "https://app.test/../cb?x=1",
        "https://app.test/a/../cb?x=1", "https://app.test//cb?x=1", "https://app.test/cb;?x=1",
        "https://app.test/..;/cb?x=1", "https://app.test/cb?x=1#", "https://app.test/cb?x=1#a",
        "https://app.test/cb#?x=1",
        "https://user@app.test/cb?x=1", "https://user:pw@app.test/cb?x=1", "https://@app.test/cb?x=1",
        "https://app.test@@evil.test/cb?x=1", "https://app.test@evil.test/cb?x=1", "https://evil.test@app.test/cb?x=1",
        "https://evil.test/app.test/cb?x=1", "https://app.test.evil.test/cb?x=1", "https://evilapp.test/cb?x=1",
        "https://sub.app.test/cb?x=1", "https://app.test\\evil.test/cb?x=1", "https://app.test\\@evil.test/cb?x=1",
        "https:\\\\app.test/cb?x=1", "https:/app.test/cb?x=1", "https:///app.test/cb?x=1", "https:app.test/cb?x=1",
        "//app.test/cb?x=1", "/cb?x=1", "app.test/cb?x=1", " https://app.test/cb?x=1", "https://app.test/cb?x=1 ",
        "https://app.test/cb?x=1\t", "https://app.test/cb\t?x=1", "https://app.test/cb?x=1\n",
        "https://app.test/cb?x=1\r\n",
        "https://app.test/cb?x=1\0", "https://app.test/cb%00?x=1", "https://app.test/cb?x=1%0d%0aX:y",
        "https://app.test/cb?x=1%", "https://app.test/cb?x=1%zz", "https://app.test/c\u{0431}?x=1",
        "https://\u{0430}pp.test/cb?x=1", "https://app\u{3002}test/cb?x=1", "https://app.test/cb?x=\u{FF11}",
        "https://app.test/cb?x=1&x=1", "https://app.test/cb??x=1", "https://app.test/cb?x=1?", "https://app.test/cb?",
        "https://app.test?x=1", "https://app.test./cb?x=1", "https://[::1]/cb?x=1", "javascript://app.test/cb?x=1",
        "https://app.test/cb?x=1|", "https://app.test/<cb>?x=1", "", "https://", ":",
    ]

    @Test("A01: a redirect URI that differs in one byte does not match", arguments: mutants)
    func mutant(text: String) throws {
        let registered = try RedirectURI(parsing: Self.registered)
        let requested = try? RedirectURI(parsing: text)
        #expect(requested?.matches(registered: registered) != true)
    }

    @Test("A01: the same bytes match, canonically equal text does not")
    func exact() throws {
        #expect(Self.mutants.count >= 60)
        let registered = try RedirectURI(parsing: Self.registered)
        #expect(try RedirectURI(parsing: Self.registered).matches(registered: registered))
        #expect(throws: OAuthError.self) { try RedirectURI(parsing: "https://app.test/\u{E9}") }
        #expect(throws: OAuthError.self) { try RedirectURI(parsing: "https://app.test/e\u{301}") }
    }

    @Test(
        "A14: what must never be registered is refused",
        arguments: [
            "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x", "DATA:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://x", "about:blank",
            "ftp://x/y", "ws://x/y", "http://app.test/cb", "http://10.0.0.1/cb", "http://localhost.evil.com/cb",
            "http://127.0.0.1.evil.com/cb", "https://*.app.test/cb", "https://app.test/cb#x", "https://u:p@app.test/cb",
            "https:///cb", "https://", "urn:ietf:wg:oauth:2.0:oob", "myapp:/cb", "mailto:a@b.test",
            "view-source:https://x",
            "intent://x/", "tel:1", "chrome://x/", "https://app.test/\u{202E}", "cb", "", "://x", "1a://x/",
            "com.example.app:cb", "com.example.app:", "com.example.app://*/cb", "com.example.app:/cb#x",
            "com.example.app://u@h/cb", "javascript:/x", "data:/x", "https://app%2etest/cb", "https://127.1/cb",
            "https://0x7f000001/cb", "https://app.test./cb", "https://a;script-src/cb", "https://app,test/cb",
            "https://app.test:0/cb", "https://-a.test/cb",
        ])
    func hostileRegistration(text: String) {
        #expect(throws: OAuthError(.invalidRedirectURI, "")) { try RedirectURI(parsing: text) }
    }

    @Test(arguments: [
        "https://claude.ai/api/mcp/auth_callback", "http://localhost:6274/oauth/callback", "http://127.0.0.1:33418/",
        "cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app://callback", "com.example.app:/callback",
        "vscode://vscode.github-authentication/did-authenticate?windowId=1", "https://vscode.dev/redirect",
        "http://[::1]:3000/cb", "https://app.test:8443/cb?a=b",
    ])
    func realClientsMayRegister(text: String) throws {
        #expect(try RedirectURI(parsing: text).text == text)
    }
}
