import Crypto
import HTTP
import OAuth
import Telemetry

/// Makes access tokens (RFC 9068) of a grant.
struct TokenIssuer {
    let service: AuthorizationService
    let origin: ServerOrigin
    /// The key that the request proved; its tokens are bound to it.
    let key: ProvenKey?

    /// The account behind a grant; a disabled or removed one gets nothing.
    func user(of grant: GrantRecord) async throws -> UserRecord {
        guard let user = try await service.store.user(grant.user), !user.isDisabled else {
            throw OAuthError(.invalidGrant, "the account is closed")
        }
        return user
    }

    /// The answer of `/token`: a signed access token, beside the refresh token that is stored already when there is one.
    func issue(
        _ grant: GrantRecord, to subject: TokenSubject, narrowed: TokenNarrowing, refresh: IssuedSecret?
    ) throws -> TokenResponse {
        let time = service.now
        // An access token never outlives its grant.
        let expires = min(time + service.configuration.accessTokenLifetime, grant.expiresAt)
        let claims = AccessTokenClaims(
            issuer: grant.issuer, subject: subject.id, audience: narrowed.resources, expires: expires, issuedAt: time,
            id: TokenID(Random.token("at_")), client: grant.client, scope: narrowed.scope, grant: grant.id,
            name: subject.name, email: subject.email, groups: subject.groups,
            keyThumbprint: key?.thumbprint)
        let token = try service.keyring.sign(claims, algorithm: service.configuration.accessTokenAlgorithm, at: time)
        return TokenResponse(
            accessToken: token, expiresIn: max(0, expires.seconds - time.seconds), refreshToken: refresh?.text,
            isBound: key != nil,
            scope: narrowed.scope)
    }
}
