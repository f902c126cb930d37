import Crypto
import HTTP
import OAuth
import Telemetry

/// `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1) with an ID-JAG: the user's identity provider has
/// decided already, so nobody is asked.
///
/// There is no refresh token: the provider decides again each time (draft-ietf-oauth-identity-assertion-authz-grant §4.4.3).
struct JWTBearerGrant {
    static let type = IdentityAssertion.grantType

    let service: AuthorizationService
    let issuer: TokenIssuer

    /// Exchanges an ID-JAG. It is used up after every check and before anything is made of it.
    func exchange(_ request: TokenRequest, client: AuthenticatedClient) async throws -> TokenResponse {
        // §8.1: who cannot prove who it is would be whoever the assertion names.
        guard client.isConfidential else {
            throw OAuthError(.unauthorizedClient, "a public client cannot use assertions; send the user to /authorize")
        }
        let (provider, assertion) = try await proven(try request.required("assertion"), of: client)
        try requireKey(of: assertion)
        let access = try AssertedAccess(
            request, assertion,
            policy: ResourcePolicy(
                origin: issuer.origin, hosts: service.hosts, directory: service.resources, client: client.client))
        let identity = try await identity(of: assertion, by: provider)
        guard provider.allowList.admits(identity.said.facts) else {
            service.metrics.login(.assertion, .denied)
            note(.loginFailed, .denied, client, provider, "not_on_the_allow_list")
            throw OAuthError(.invalidGrant, "the user may not use this server")
        }
        try await useUp(assertion, of: provider, client)
        let user = try await FederatedAccount(service: service).signIn(
            VouchedIdentity(identity.completed, credential: nil), by: provider.id)
        let subject = try await TokenSubject(user, in: service.store)
        let grant = record(of: access, user: user.id, client: client.id)
        // The account is looked at in the act that opens the grant.
        guard try await service.store.open(grant, refreshToken: nil, at: grant.grantedAt) == .opened else {
            service.metrics.login(.assertion, .denied)
            note(.loginFailed, .denied, client, provider, "account_disabled", user: user.id)
            throw OAuthError(.invalidGrant, "the account is closed")
        }
        service.metrics.login(.assertion, .success)
        return try issuer.issue(
            grant, to: subject, narrowed: TokenNarrowing(all: grant), refresh: nil,
            detail: [("grant_type", JWTBearerGrant.type), ("provider", provider.id), ("assertion", assertion.id)])
    }

    // MARK: Steps

    private func proven(
        _ text: String, of client: AuthenticatedClient
    ) async throws -> (AssertingProvider, IdentityAssertion.Verified) {
        do {
            let assertion = try IdentityAssertion(text)
            // A client for which an issuer is not taken does not learn that others have it.
            guard let provider = service.providers.assertingProvider(ofIssuer: assertion.claimedIssuer),
                provider.serves(client.id)
            else { throw IdentityAssertionRejection.issuer }
            let keys = try await provider.keys.candidates(keyID: assertion.keyID)
            let expected = IdentityAssertion.Expectation(
                issuer: provider.issuer, audience: issuer.origin.description, client: client.id,
                tenant: provider.tenant)
            return (provider, try assertion.verify(by: keys, expecting: expected, at: service.now))
        } catch let rejection as IdentityAssertionRejection {
            service.metrics.login(.assertion, .failed)
            note(.loginFailed, .failed, client, nil, rejection.reason)
            throw OAuthError(.invalidGrant, rejection.explanation)
        } catch let failure as DocumentFailure {
            // Without keys nothing is known about the assertion, so nobody may say that it is bad either.
            service.logger.notice(
                "assertions of an issuer cannot be verified",
                ["request_id": .string(issuer.head.id.description), "reason": .string(failure.detail)])
            throw OAuthError(.temporarilyUnavailable, "the keys of the assertion's issuer cannot be had right now")
        }
    }

    // §8.6: an assertion that is bound to a key is good for its holder alone.
    private func requireKey(of assertion: IdentityAssertion.Verified) throws(OAuthError) {
        guard let thumbprint = assertion.keyThumbprint else { return }
        guard let key = issuer.key, key.thumbprint.utf8.elementsEqual(thumbprint.utf8) else {
            throw OAuthError(.invalidGrant, "the assertion is bound to a key; prove it with DPoP")
        }
    }

    private func identity(
        of assertion: IdentityAssertion.Verified, by provider: AssertingProvider
    ) async throws -> AssertedIdentity {
        let key = ProviderIdentity.key(issuer: provider.issuer, subject: assertion.user.subject)
        let known = try await service.store.identity(key).map { try ProviderIdentity.parse($0.attributes) }
        return AssertedIdentity(assertion.user, of: provider, known: known)
    }

    // The draft lets a client show an assertion again; who copies one must gain nothing by it (RFC 7523 §3, 7.).
    private func useUp(
        _ assertion: IdentityAssertion.Verified, of provider: AssertingProvider, _ client: AuthenticatedClient
    ) async throws {
        let id = SecretDigest(oneTime: "id-jag", provider.issuer, assertion.id)
        guard try await service.store.firstUse(id, until: assertion.rememberUntil, at: service.now) else {
            note(.codeReplayed, .failed, client, provider, "assertion_used_before")
            throw OAuthError(.invalidGrant, "the assertion was used before; ask its issuer for a new one")
        }
    }

    private func record(of access: AssertedAccess, user: UserID, client: ClientID) -> GrantRecord {
        let time = service.now
        return GrantRecord(
            id: GrantID(Random.token("grant_")), user: user, client: client, scope: access.scope,
            resources: [access.resource.uri], issuer: issuer.origin.description, grantedAt: time,
            expiresAt: time + service.configuration.accessTokenLifetime)
    }

    private func note(
        _ action: AuditAction, _ outcome: AuditOutcome, _ client: AuthenticatedClient, _ provider: AssertingProvider?,
        _ reason: String, user: UserID? = nil
    ) {
        service.note(
            action, outcome: outcome, user: user, client: client.id, request: issuer.head,
            detail: (provider.map { [("provider", $0.id)] } ?? [])
                + [("reason", reason), ("grant_type", JWTBearerGrant.type)])
    }
}
