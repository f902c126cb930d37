import Crypto
package import HTTP
import JSON
package import Telemetry

/// A client of one OpenID provider (OpenID Connect Core §3.1): from the authorization request to claims that are proven.
package struct RelyingParty: Sendable {
    /// What came of a login or of asking again.
    package struct Login: Sendable {
        /// Who it is; nil where a refresh brought neither an ID token nor a way to ask.
        package let claims: LoginClaims?
        /// With which the provider can be asked again.
        package let refreshToken: String?
    }

    /// The provider, byte for byte as it calls itself.
    package let issuer: HTTPURL
    private let exchange: CodeExchange
    private let discovery: ProviderDiscovery
    private let keys: RemoteKeySet
    private let documents: OutboundDocuments
    private let clock: WallClock

    /// A client of the provider at `issuer`; nothing is fetched before somebody logs in.
    package init(
        issuer: HTTPURL, client: String, credential: ProviderCredential, documents: OutboundDocuments, clock: WallClock
    ) {
        let discovery = ProviderDiscovery(issuer: issuer, documents: documents, clock: clock)
        self.issuer = issuer
        self.discovery = discovery
        self.documents = documents
        self.clock = clock
        exchange = CodeExchange(client: client, credential: credential, documents: documents, clock: clock)
        keys = RemoteKeySet(documents: documents, clock: clock) { () async throws(DocumentFailure) -> HTTPURL in
            guard let uri = try await discovery.metadata().keySetURI else {
                throw DocumentFailure(.malformed, "\(issuer) names no jwks_uri")
            }
            return uri
        }
    }

    /// Where the browser goes.
    package func authorizationURL(
        scopes: [String], trip: ProviderTrip, adding more: [(String, String)] = []
    ) async throws(ProviderFailure) -> String {
        let metadata = try await metadata()
        return exchange.authorizationURL(
            Self.endpoints(metadata), scopes: scopes, trip: trip, adding: [("nonce", trip.nonce)] + more)
    }

    /// Takes the answer that the browser brought. `sender` is its `iss` (RFC 9207 §2.4), looked at before anything is sent
    /// anywhere (I03). Where a claim of `needs` is not in the ID token, the provider is asked for it.
    package func finish(
        code: String, sender: String?, trip: ProviderTrip, needs: [String]
    ) async throws(ProviderFailure) -> Login {
        let metadata = try await metadata()
        guard sender.map({ $0.utf8.elementsEqual(issuer.text.utf8) }) ?? !metadata.sendsIssuer else {
            throw ProviderFailure(.untrusted, "the answer came from another issuer: \(sender ?? "none")")
        }
        let tokens = try await exchange.redeem(code, Self.endpoints(metadata), trip: trip)
        guard tokens.idToken != nil else { throw ProviderFailure(.untrusted, "\(issuer) gave no ID token") }
        return try await login(tokens, metadata, nonce: trip.nonce, subject: nil, needs: needs)
    }

    /// Asks again about the user `subject`, with a refresh token.
    package func askAgain(
        _ refreshToken: String, about subject: String, needs: [String]
    ) async throws(ProviderFailure) -> Login {
        let metadata = try await metadata()
        let tokens = try await exchange.refresh(refreshToken, Self.endpoints(metadata))
        let login = try await login(tokens, metadata, nonce: nil, subject: subject, needs: needs)
        // A provider that does not rotate gives none, and the old one stays good (OAuth 2.1 §4.3.3).
        return Login(claims: login.claims, refreshToken: login.refreshToken ?? refreshToken)
    }

    // MARK: Steps

    private func metadata() async throws(ProviderFailure) -> ProviderMetadata {
        do throws(DocumentFailure) {
            return try await discovery.metadata()
        } catch {
            throw ProviderFailure(error)
        }
    }

    private static func endpoints(_ metadata: ProviderMetadata) -> CodeExchange.Endpoints {
        CodeExchange.Endpoints(
            authorization: metadata.authorizationEndpoint, token: metadata.tokenEndpoint,
            methods: metadata.tokenEndpointAuthMethods)
    }

    private func login(
        _ tokens: ProviderTokens, _ metadata: ProviderMetadata, nonce: String?, subject: String?, needs: [String]
    ) async throws(ProviderFailure) -> Login {
        var signed: IDToken?
        if let text = tokens.idToken { signed = try await verify(text, tokens, nonce: nonce) }
        if let subject, let signed, !signed.subject.utf8.elementsEqual(subject.utf8) {
            throw ProviderFailure(.untrusted, "the new ID token is of another user")
        }
        guard let subject = signed?.subject ?? subject else {
            throw ProviderFailure(.untrusted, "\(issuer) gave no ID token")
        }
        var asked: JSONNode?
        if let endpoint = metadata.userInfoEndpoint, needs.contains(where: { signed?.claims[$0] == nil }) {
            asked = try await userInfo(endpoint, tokens.accessToken, subject: subject)
        }
        guard signed != nil || asked != nil else { return Login(claims: nil, refreshToken: tokens.refreshToken) }
        return Login(
            claims: LoginClaims(subject: subject, signed: signed?.claims, asked: asked),
            refreshToken: tokens.refreshToken)
    }

    private func verify(
        _ text: String, _ tokens: ProviderTokens, nonce: String?
    ) async throws(ProviderFailure) -> IDToken {
        let expectation = IDToken.Expectation(
            issuer: issuer.text, client: exchange.client, nonce: nonce, accessToken: tokens.accessToken)
        do {
            let jws = try UnverifiedJWS(Array(text.utf8))
            let candidates = try await keys.candidates(keyID: jws.keyID)
            return try IDToken(jws, keys: candidates, expecting: expectation, at: clock.now())
        } catch let failure as DocumentFailure {
            throw ProviderFailure(failure)
        } catch {
            throw ProviderFailure(.untrusted, "the ID token of \(issuer) is not valid: \(error)")
        }
    }

    // OpenID Connect Core §5.3.2: of the same subject, or it is somebody else's answer.
    private func userInfo(
        _ endpoint: HTTPURL, _ accessToken: String, subject: String
    ) async throws(ProviderFailure) -> JSONNode {
        let answer: OutboundDocuments.Answer
        do throws(DocumentFailure) {
            answer = try await documents.get(endpoint, fields: ["Authorization": "Bearer \(accessToken)"])
        } catch {
            throw ProviderFailure(error)
        }
        let status = answer.status.code
        guard status == 200 else {
            throw ProviderFailure(
                status == 401 ? .rejected : status >= 500 || status == 429 ? .unavailable : .misconfigured,
                "userinfo of \(issuer) answered \(status)")
        }
        guard answer.root["sub"]?.stringBytes?.elementsEqual(subject.utf8) == true else {
            throw ProviderFailure(.untrusted, "userinfo of \(issuer) is of another user")
        }
        return answer.root
    }
}
