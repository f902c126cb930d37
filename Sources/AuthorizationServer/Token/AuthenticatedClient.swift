import AsyncIO
import HTTP
import OAuth

/// A client that has proven who it is, or a public one that said so: no grant can be reached without one.
///
/// There is one way to get one: `ClientAuthenticator.authenticate`.
struct AuthenticatedClient {
    /// The client.
    let client: RegisteredClient

    fileprivate init(_ client: RegisteredClient) {
        self.client = client
    }

    /// `client_id`.
    var id: ClientID { client.id }

    /// Whether it has proven anything; endpoints that public clients may not use ask this.
    var isConfidential: Bool { client.isConfidential }

    /// `unauthorized_client` unless this client may use the grant type (OAuth 2.1 §3.2.4, RFC 7591 §2 `grant_types`).
    func require(grantType: String) throws(OAuthError) {
        guard client.metadata.grantTypes.contains(grantType) else {
            throw OAuthError(.unauthorizedClient, "this client may not use this grant_type")
        }
    }
}

/// OAuth 2.1 §2.4: the client's credential, in the header, the body or an assertion, never in two of them (A09).
///
/// For every endpoint that a client calls for itself: parse a `TokenRequest`, then authenticate it here.
struct ClientAuthenticator {
    let service: AuthorizationService
    /// Our origin as the client used it: the issuer, and the audience of its assertions.
    let origin: ServerOrigin

    /// Authenticates the client of a request; `invalid_client` where it cannot be believed, `RateRefusal` where its secret is
    /// being guessed.
    func authenticate(_ request: TokenRequest) async throws -> AuthenticatedClient {
        let credential = try ClientCredential(request)
        guard let client = try await service.clients.client(credential.client, for: request.head.remoteAddress) else {
            throw ClientAuthenticator.refusal("the client is not known")
        }
        switch (client.metadata.tokenEndpointAuthMethod, credential.proof) {
        case (.none, .none): break
        // Header or body is the same secret over the same channel; libraries disagree with what they registered.
        case (.clientSecretBasic, .secret(let secret)), (.clientSecretPost, .secret(let secret)):
            try judge(secret, of: client, by: request.head.remoteAddress)
        case (.privateKeyJWT, .assertion(let assertion)): try await verify(assertion, of: client)
        default: throw ClientAuthenticator.refusal("the client did not authenticate as it registered")
        }
        return AuthenticatedClient(client)
    }

    private func judge(_ secret: PresentedSecret, of client: RegisteredClient, by address: SocketAddress) throws {
        let isRight = secret.matches(client.secretDigest)
        if let seconds = service.secretGuesses.count(client.id, from: address, isRight: isRight, at: service.now) {
            service.metrics.reached(.clientSecrets)
            throw RateRefusal(seconds: seconds, reason: "too many wrong secrets of this client")
        }
        guard isRight else { throw ClientAuthenticator.refusal("the client's credentials are wrong") }
    }

    // Everything is verified before the identifier is used up: nobody else can burn a client's identifiers.
    private func verify(_ assertion: ClientAssertion, of client: RegisteredClient) async throws {
        let keys = try await service.clientKeys.keys(of: client, keyID: assertion.keyID)
        let time = service.now
        let proof: ClientAssertion.Proof
        do {
            proof = try assertion.verify(
                by: keys, audience: origin.description,
                algorithm: client.metadata.tokenEndpointAuthSigningAlgorithm, at: time)
        } catch {
            throw ClientAuthenticator.refusal("the client assertion is not valid", detail: "\(error)")
        }
        let id = SecretDigest(oneTime: "client_assertion", client.id.value, proof.id)
        guard try await service.store.firstUse(id, until: proof.rememberUntil, at: time) else {
            throw ClientAuthenticator.refusal("the client assertion was used before")
        }
    }

    private static func refusal(_ description: String, detail: String = "") -> OAuthError {
        OAuthError(.invalidClient, description, detail: detail)
    }
}
