import OAuth
import Telemetry

/// `grant_type=authorization_code` (OAuth 2.1 §4.1.3).
struct AuthorizationCodeGrant {
    let service: AuthorizationService
    let issuer: TokenIssuer

    /// Exchanges a code. Everything that the code is bound to is checked before the one act that uses it.
    func exchange(_ request: TokenRequest, client: AuthenticatedClient) async throws -> TokenResponse {
        let id = SecretDigest(of: try request.required("code"))
        guard let text = request["code_verifier"] else { throw AuthorizationCodeGrant.missingVerifier }
        let verifier = try PKCE.Verifier(parsing: text)
        guard let code = try await service.store.code(id) else { throw AuthorizationCodeGrant.refusal }
        guard code.grant.client == client.id else { throw AuthorizationCodeGrant.refusal }
        try checkRedirectURI(request, code)
        try ProvenKey.require(code.grant.keyThumbprint, proven: issuer.key, or: AuthorizationCodeGrant.refusal)
        try await checkVerifier(verifier, code)
        let narrowed = try TokenNarrowing(request, grant: code.grant, service: service)
        let user = try await issuer.user(of: code.grant)
        let subject = try await TokenSubject(user, in: service.store)
        let refresh = IssuedSecret.make(.refreshToken)
        let outcome = try await service.store.redeem(
            id, refreshToken: refresh.digest, keyThumbprint: client.isConfidential ? nil : issuer.key?.thumbprint,
            failureLimit: service.configuration.codeFailureLimit, at: service.now)
        switch outcome {
        case .redeemed(let grant):
            return try issuer.issue(grant, to: subject, narrowed: narrowed, refresh: refresh)
        case .reused(let grant):
            service.revocations.revoke(grant, at: service.now)
            service.note(
                .codeReplayed, outcome: .failed, user: code.grant.user, client: client.id, request: request.head,
                detail: [("grant", grant.value)])
            throw AuthorizationCodeGrant.refusal
        case .expired, .burnt, .unknown:
            throw AuthorizationCodeGrant.refusal
        }
    }

    // RFC 7636 §4.6: a downgrade is a failed proof, not a malformed request (A05).
    private static let missingVerifier = OAuthError(.invalidGrant, "code_verifier is missing")

    // One text for every reason: whoever tries codes learns nothing.
    private static let refusal = OAuthError(.invalidGrant, "the code is not valid")

    // OAuth 2.0 clients repeat it and it must be the same; OAuth 2.1 clients leave it out, and PKCE binds them.
    private func checkRedirectURI(_ request: TokenRequest, _ code: AuthorizationCodeRecord) throws(OAuthError) {
        guard let repeated = request["redirect_uri"] else { return }
        guard repeated.utf8.elementsEqual(code.redirectURI.utf8) else {
            throw OAuthError(.invalidGrant, "redirect_uri is not the one of the authorization request")
        }
    }

    // Every wrong verifier counts, and the fifth burns the code (A05); a used code is not harmed by one (A06).
    private func checkVerifier(_ verifier: PKCE.Verifier, _ code: AuthorizationCodeRecord) async throws {
        guard let challenge = PKCE.Challenge(s256: code.codeChallenge), challenge.verify(verifier) else {
            _ = try await service.store.countFailure(code.id, at: service.now)
            throw OAuthError(.invalidGrant, "code_verifier does not fit the code_challenge")
        }
    }
}
