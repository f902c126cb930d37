import Crypto
package import HTTP
package import Telemetry

/// One trip to another authorization server: what binds its answer to this browser (OAuth 2.1 §7.5, RFC 9700 §4.7).
package struct ProviderTrip: Sendable {
    /// Where the provider sends the browser back to.
    package let redirectURI: String
    /// `state`.
    package let state: String
    /// `nonce` of the ID token.
    package let nonce: String
    /// `code_verifier`.
    package let verifier: PKCE.Verifier

    /// Collects what belongs to one trip.
    package init(redirectURI: String, state: String, nonce: String, verifier: PKCE.Verifier) {
        self.redirectURI = redirectURI
        self.state = state
        self.nonce = nonce
        self.verifier = verifier
    }
}

/// The client's half of the authorization code grant (OAuth 2.1 §4.1), whoever the server is.
package struct CodeExchange: Sendable {
    /// Where the server's endpoints are, and how it wants its clients to prove themselves.
    package struct Endpoints: Sendable {
        /// `authorization_endpoint`.
        package var authorization: HTTPURL
        /// `token_endpoint`.
        package var token: HTTPURL
        /// `token_endpoint_auth_methods_supported`.
        package var methods: [String]

        /// Collects the endpoints.
        package init(authorization: HTTPURL, token: HTTPURL, methods: [String]) {
            self.authorization = authorization
            self.token = token
            self.methods = methods
        }
    }

    /// Our `client_id` there.
    package let client: String
    private let credential: ProviderCredential
    private let documents: OutboundDocuments
    private let clock: WallClock

    /// A client of one server.
    package init(client: String, credential: ProviderCredential, documents: OutboundDocuments, clock: WallClock) {
        self.client = client
        self.credential = credential
        self.documents = documents
        self.clock = clock
    }

    /// Where the browser goes.
    package func authorizationURL(
        _ endpoints: Endpoints, scopes: [String], trip: ProviderTrip, adding more: [(String, String)] = []
    ) -> String {
        let parameters =
            [
                ("response_type", "code"), ("client_id", client), ("redirect_uri", trip.redirectURI),
                ("scope", scopes.joined(separator: " ")), ("state", trip.state),
                ("code_challenge", trip.verifier.challenge), ("code_challenge_method", "S256"),
            ] + more
        let text = endpoints.authorization.text
        return text + (endpoints.authorization.query == nil ? "?" : "&") + FormParameters.encoded(parameters)
    }

    /// Exchanges a code.
    package func redeem(
        _ code: String, _ endpoints: Endpoints, trip: ProviderTrip, adding more: [(String, String)] = []
    ) async throws(ProviderFailure) -> ProviderTokens {
        try await request(
            [
                ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", trip.redirectURI),
                ("code_verifier", trip.verifier.text),
            ] + more, endpoints)
    }

    /// Exchanges a refresh token.
    package func refresh(
        _ token: String, _ endpoints: Endpoints, adding more: [(String, String)] = []
    ) async throws(ProviderFailure) -> ProviderTokens {
        try await request([("grant_type", "refresh_token"), ("refresh_token", token)] + more, endpoints)
    }

    private func request(
        _ form: [(String, String)], _ endpoints: Endpoints
    ) async throws(ProviderFailure) -> ProviderTokens {
        var form = form
        var fields = HTTPFields()
        try credential.prove(
            client: client, tokenEndpoint: endpoints.token, methods: endpoints.methods, at: clock.now(), form: &form,
            fields: &fields)
        let answer: OutboundDocuments.Answer
        do throws(DocumentFailure) {
            answer = try await documents.post(endpoints.token, form: form, fields: fields)
        } catch {
            throw ProviderFailure(error)
        }
        return try ProviderTokens(answer)
    }
}
