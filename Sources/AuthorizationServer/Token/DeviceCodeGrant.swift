import OAuth
import Telemetry

/// `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4): a device asks whether its user has decided.
struct DeviceCodeGrant {
    static let type = "urn:ietf:params:oauth:grant-type:device_code"

    let service: AuthorizationService
    let issuer: TokenIssuer

    /// Answers a poll; every outcome but one is an error that the device understands (§3.5).
    func exchange(_ request: TokenRequest, client: AuthenticatedClient) async throws -> TokenResponse {
        let id = SecretDigest(of: try request.required("device_code"))
        let refresh = IssuedSecret.make(.refreshToken)
        let outcome = try await service.store.poll(
            id, of: client.id, refreshToken: refresh.digest,
            keyThumbprint: client.isConfidential ? nil : issuer.key?.thumbprint, at: service.now)
        switch outcome {
        case .redeemed(let grant): return try await issue(grant, request, client: client, refresh: refresh)
        case .pending: throw OAuthError(.authorizationPending, "the user has not decided yet")
        case .slowDown: throw OAuthError(.slowDown, "ask five seconds less often")
        case .denied: throw OAuthError(.accessDenied, "the user said no")
        case .expired: throw OAuthError(.expiredToken, "the device code is over; begin again")
        case .reused(let grant):
            service.revocations.revoke(grant, at: service.now)
            service.note(
                .codeReplayed, outcome: .failed, client: client.id, request: request.head,
                detail: [("grant", grant.value), ("grant_type", DeviceCodeGrant.type)])
            throw DeviceCodeGrant.refusal
        case .wrongClient, .unknown: throw DeviceCodeGrant.refusal
        }
    }

    private func issue(
        _ grant: GrantRecord, _ request: TokenRequest, client: AuthenticatedClient, refresh: IssuedSecret
    ) async throws -> TokenResponse {
        let user = try await issuer.user(of: grant)
        let subject = try await TokenSubject(user, in: service.store)
        let narrowed = try await narrowing(of: grant, request)
        service.note(
            .tokenIssued, outcome: .success, user: grant.user, client: client.id, request: request.head,
            detail: [("grant", grant.id.value), ("grant_type", DeviceCodeGrant.type)])
        return try issuer.issue(grant, to: subject, narrowed: narrowed, refresh: refresh)
    }

    private func narrowing(of grant: GrantRecord, _ request: TokenRequest) async throws -> TokenNarrowing {
        do {
            return try TokenNarrowing(request, grant: grant, service: service)
        } catch {
            // The code is used up by now: what was asked beyond it must not leave a grant behind that nobody holds (A13).
            _ = try await service.store.revoke(grant.id, reason: .clientRequest, at: service.now)
            throw error
        }
    }

    private static let refusal = OAuthError(.invalidGrant, "the device code is not valid")
}
