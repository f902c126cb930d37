import OAuth
import Telemetry

/// `grant_type=refresh_token` (OAuth 2.1 §4.3): rotates on every use.
struct RefreshTokenGrant {
    let service: AuthorizationService
    let issuer: TokenIssuer

    /// Exchanges a refresh token. Scope and resource are checked first: a request that asks for too much uses nothing up.
    func exchange(_ request: TokenRequest, client: AuthenticatedClient) async throws -> TokenResponse {
        let id = SecretDigest(of: try request.required("refresh_token"))
        guard let (_, grant) = try await service.store.refreshToken(id) else { throw RefreshTokenGrant.refusal }
        guard grant.client == client.id else { throw RefreshTokenGrant.refusal }
        try ProvenKey.require(grant.keyThumbprint, proven: issuer.key, or: RefreshTokenGrant.refusal)
        let narrowed = try TokenNarrowing(request, grant: grant, service: service)
            .bounded(by: client.client, grant: grant, directory: service.resources)
        // A family that is over is for the store to judge; only for a live one is the provider asked.
        if grant.revokedAt == nil, service.now < grant.expiresAt {
            try await ProviderRecheck(service: service).confirm(grant.user, request: request.head)
        }
        let successor = IssuedSecret.make(.refreshToken)
        let outcome = try await service.store.rotate(
            id, of: client.id, successor: successor.digest, policy: policy(for: grant), at: service.now)
        switch outcome {
        case .rotated(let grant, let withinGrace):
            let user = try await issuer.user(of: grant)
            let subject = try await TokenSubject(user, in: service.store)
            return try issuer.issue(
                grant, to: subject, narrowed: narrowed, refresh: successor, action: .tokenRefreshed,
                detail: [("within_grace", withinGrace ? "true" : "false")])
        case .reused(let family):
            service.revocations.revoke(family, at: service.now)
            service.note(
                .refreshTokenReused, outcome: .failed, user: grant.user, client: client.id, request: request.head,
                detail: [("grant", family.value)])
            throw RefreshTokenGrant.refusal
        case .revoked, .expired, .wrongClient, .unknown:
            throw RefreshTokenGrant.refusal
        }
    }

    // Whoever holds the key has no reason to use a token twice: parallel refreshes of one program can agree (A11).
    private func policy(for grant: GrantRecord) -> RotationPolicy {
        var policy = service.configuration.rotation
        if grant.keyThumbprint != nil { policy.graceMilliseconds = 0 }
        return policy
    }

    private static let refusal = OAuthError(.invalidGrant, "the refresh token is not valid")
}
