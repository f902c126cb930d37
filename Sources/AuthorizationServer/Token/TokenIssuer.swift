import Crypto
import HTTP
import OAuth
import Telemetry

/// Makes access tokens (RFC 9068) of a grant.
struct TokenIssuer {
    let service: AuthorizationService
    let origin: ServerOrigin
    /// The request, for the audit trail.
    let head: HTTPRequest
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
    /// Notes who got which token (`action`, with `detail` of the grant).
    func issue(
        _ grant: GrantRecord, to subject: TokenSubject, narrowed: TokenNarrowing, refresh: IssuedSecret?,
        action: AuditAction = .tokenIssued, detail: [(String, String)] = []
    ) throws -> TokenResponse {
        let time = service.now
        let id = TokenID(Random.token("at_"))
        // An access token never outlives its grant.
        let expires = min(time + service.configuration.accessTokenLifetime, grant.expiresAt)
        let claims = AccessTokenClaims(
            issuer: grant.issuer, subject: subject.id, audience: narrowed.resources, expires: expires, issuedAt: time,
            id: id, client: grant.client, scope: narrowed.scope, grant: grant.id,
            name: subject.name, email: subject.email, groups: subject.groups,
            others: subject.claims, keyThumbprint: key?.thumbprint)
        let token = try service.keyring.sign(claims, algorithm: service.configuration.accessTokenAlgorithm, at: time)
        service.note(
            action, outcome: .success, user: grant.user, client: grant.client, request: head,
            detail: [
                ("grant", grant.id.value), ("token", id.value), ("scope", narrowed.scope.description),
                ("resources", narrowed.resources.joined(separator: " ")), ("expires_at", expires.iso8601),
            ] + detail)
        return TokenResponse(
            accessToken: token, expiresIn: max(0, expires.seconds - time.seconds), refreshToken: refresh?.text,
            isBound: key != nil,
            scope: narrowed.scope)
    }
}
