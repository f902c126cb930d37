import Foundation

/// A pair of tokens as the token endpoint gave it.
package struct TokenPair: Sendable, Equatable {
    package var access: String
    package var refresh: String
}

/// A public OAuth client of the tests, on plain HTTP, that does what the RFCs say and nothing more.
///
/// Blocking: use it from `onThread`.
package struct OAuthWalk: Sendable {
    package static let redirectURI = "http://127.0.0.1:9/callback"

    package var port: Int
    /// The port in the public name, where another process than the named one is asked.
    package var namedPort: Int?
    package var host = "localhost"
    package var user: String
    package var password: String
    package var resource = "/demo/mcp"
    /// The whole resource, when it stands elsewhere.
    package var audience: String?

    package init(port: Int, user: String, password: String, resource: String = "/demo/mcp") {
        self.port = port
        self.user = user
        self.password = password
        self.resource = resource
    }

    package var origin: String { "http://\(authority)" }
    private var authority: String { "\(host):\(namedPort ?? port)" }

    /// Registers a client and returns the whole answer.
    package func registerAnswer(_ metadata: [String: Any] = [:]) throws -> PlainResponse {
        let given: [String: Any] = [
            "client_name": "walk", "redirect_uris": [Self.redirectURI], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        ]
        let body = try JSONSerialization.data(withJSONObject: given.merging(metadata) { $1 })
        return try PlainHTTP.exchange(
            port: port, "POST", "/register", ["Content-Type": "application/json", "Host": authority],
            body: Array(body))
    }

    /// Registers a client and returns its id.
    package func register() throws -> String {
        let answer = try registerAnswer()
        guard answer.status == 201, let id = answer.object["client_id"] as? String else {
            throw PlainBrowser.WalkError(description: "/register: \(answer.status) \(answer.text)")
        }
        return id
    }

    /// The PKCE verifier and challenge of RFC 7636 Appendix B: ours need not be secret.
    package static let proof = (
        verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )

    /// The URL that opens an authorization; `changes` replace parameters, an empty value removes one.
    package func authorizationURL(client: String, _ changes: [String: String] = [:]) -> String {
        var parameters = [
            "response_type": "code", "client_id": client, "redirect_uri": Self.redirectURI, "state": "st-1",
            "code_challenge": Self.proof.challenge, "code_challenge_method": "S256",
            "resource": audience ?? origin + resource,
        ]
        parameters.merge(changes) { $1 }
        let pairs = parameters.filter { !$0.value.isEmpty }.map { ($0.key, $0.value) }
        return "/authorize?" + FormEncoding.encode(pairs)
    }

    /// Logs in and consents in a new browser; returns the code.
    package func authorize(client: String, _ changes: [String: String] = [:]) throws -> String {
        let browser = PlainBrowser(port: port, host: host)
        let url = authorizationURL(client: client, changes)
        let end = try browser.walk(url, to: Self.redirectURI, as: user, password)
        guard let code = FormEncoding.query(of: end)["code"] else { throw PlainBrowser.WalkError(description: end) }
        return code
    }

    /// A POST to the token endpoint.
    package func token(_ parameters: [String: String]) throws -> PlainResponse {
        try PlainHTTP.exchange(
            port: port, "POST", "/token",
            ["Content-Type": "application/x-www-form-urlencoded", "Host": authority],
            body: Array(FormEncoding.encode(parameters.map { ($0.key, $0.value) }).utf8))
    }

    package func redeem(code: String, client: String, verifier: String = proof.verifier) throws -> PlainResponse {
        try token([
            "grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": client,
            "redirect_uri": Self.redirectURI, "resource": audience ?? origin + resource,
        ])
    }

    package func refresh(_ token: String, client: String) throws -> PlainResponse {
        try self.token(["grant_type": "refresh_token", "refresh_token": token, "client_id": client])
    }

    package func revoke(_ token: String, client: String) throws -> PlainResponse {
        try PlainHTTP.exchange(
            port: port, "POST", "/revoke",
            ["Content-Type": "application/x-www-form-urlencoded", "Host": authority],
            body: Array(FormEncoding.encode([("token", token), ("client_id", client)]).utf8))
    }

    /// The pair in a token answer.
    package static func pair(in answer: PlainResponse) throws -> TokenPair {
        guard answer.status == 200, let access = answer.object["access_token"] as? String,
            let refresh = answer.object["refresh_token"] as? String
        else { throw PlainBrowser.WalkError(description: "/token: \(answer.status) \(answer.text)") }
        return TokenPair(access: access, refresh: refresh)
    }

    /// From nothing to tokens.
    package func logIn() throws -> (client: String, tokens: TokenPair) {
        let client = try register()
        let code = try authorize(client: client)
        return (client, try Self.pair(in: redeem(code: code, client: client)))
    }
}
