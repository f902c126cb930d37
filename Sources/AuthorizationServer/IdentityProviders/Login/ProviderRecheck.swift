import AsyncIO
import HTTP
import OAuth
import Telemetry

/// Looks at a user again when one of their clients refreshes: the allow-list as it is now, and the provider, when it gave
/// something to ask with (I08). A provider that is down changes nothing (F14).
struct ProviderRecheck {
    /// A provider is asked no more often than this about one user, however many clients refresh.
    private static let interval = Duration.seconds(60)

    let service: AuthorizationService

    /// Throws `invalid_grant` where the user may not come in any more; every grant of theirs has ended then.
    func confirm(_ user: UserID, request: HTTPRequest) async throws {
        guard let record = try await service.store.identity(of: user) else {
            // A local account, or a service account, which no provider stands for.
            guard try await isLocal(user), !service.providers.hasLocalAccounts else { return }
            throw Self.refusal
        }
        let identity = try ProviderIdentity.parse(record.attributes)
        guard service.providers.admits(identity) else { return try await disown(user, "allow_list", request) }
        guard let provider = service.providers.provider(ofIssuer: identity.issuer),
            record.sealedCredential != nil,
            let turn = try await service.store.takeTurn(
                toAskAbout: user, ifAskedBefore: service.now - Self.interval, at: service.now),
            let credential = service.providers.open(turn.sealedCredential, for: identity)
        else { return }
        let vouched: VouchedIdentity
        do throws(ProviderFailure) {
            vouched = try await provider.askAgain(credential, about: identity)
        } catch {
            service.noteFailure(of: provider, error, request: request)
            guard error.code == .rejected else { return }
            return try await disown(user, "provider", request)
        }
        // First what the provider gave, because its old credential may be used up; then what follows from it.
        _ = try await FederatedAccount(service: service).confirm(vouched, by: provider.id, user: user)
        guard service.providers.admits(vouched.identity) else { return try await disown(user, "allow_list", request) }
    }

    private func isLocal(_ user: UserID) async throws -> Bool {
        try await service.store.user(user).map { !$0.isFederated } ?? false
    }

    private func disown(_ user: UserID, _ reason: String, _ request: HTTPRequest) async throws {
        try await service.disown(user, reason: reason, request: request)
        throw Self.refusal
    }

    private static let refusal = OAuthError(.invalidGrant, "the account may not use this server any more")
}

extension AuthorizationService {
    /// Ends everything of a user whom nobody vouches for any more.
    func disown(_ user: UserID, reason: String, request: HTTPRequest?) async throws(StoreError) {
        let time = now
        guard case .changed(let ended) = try await store.change(user, .disown, at: time) else { return }
        for grant in ended { revocations.revoke(grant, at: time) }
        audit.record(
            AuditEvent(
                time: time, action: .userDisowned, user: user.value, requestID: request?.id,
                remoteAddress: request?.remoteAddress.description,
                detail: [("reason", reason), ("grants", String(ended.count))]))
    }

    /// Looks at every account of a provider with the allow-lists as they are configured now. For the start, before the first
    /// connection.
    package func reviewIdentities() async throws(StoreError) {
        for record in try await store.identities() {
            let identity = try ProviderIdentity.parse(record.attributes)
            guard !providers.admits(identity) else { continue }
            try await disown(record.user, reason: "allow_list", request: nil)
        }
    }
}
