import HTTP
import JSON
import OAuth
import Telemetry

/// `/revoke` (RFC 7009). A refresh token and an access token stand for their grant: revoking either ends the family.
struct RevocationEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.post, "/revoke", self)
        router.on(.options, "/revoke", Preflight(methods: "POST"))
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            let parsed = try await TokenRequest.parse(request, body)
            let client = try await ClientAuthenticator(service: service, origin: origin).authenticate(parsed)
            let token = try parsed.required("token")
            // The hint only saves a look-up (RFC 7009 §2.1); both kinds are tried either way.
            if let grant = try await grant(of: token) {
                try await revoke(grant, client: client, request: request)
            }
            // RFC 7009 §2.2: an unknown token is as good as revoked.
            return JSONAnswer.make(.ok, [:])
        } catch {
            return service.answer(for: error, request: request)
        }
    }

    private func grant(of token: String) async throws -> GrantRecord? {
        if let found = try await service.store.refreshToken(SecretDigest(of: token)) { return found.grant }
        guard let id = PresentedAccessToken.grant(of: token, keys: service.keyring) else { return nil }
        return try await service.store.grant(id)
    }

    // Not inlined: Swift 6.3.1 crashes in release builds when it splits `respond` with this in it.
    @inline(never)
    private func revoke(_ grant: GrantRecord, client: AuthenticatedClient, request: HTTPRequest) async throws {
        // RFC 7009 §2.1: a token of another client is refused and stays as it is.
        guard grant.client == client.id else {
            throw OAuthError(.invalidGrant, "the token was not issued to this client")
        }
        _ = try await service.store.revoke(grant.id, reason: .clientRequest, at: service.now)
        service.revocations.revoke(grant.id, at: service.now)
        service.note(
            .tokenRevoked, outcome: .success, user: grant.user, client: client.id, request: request,
            detail: [("grant", grant.id.value)])
    }
}
