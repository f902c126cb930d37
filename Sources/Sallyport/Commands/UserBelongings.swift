import AuthorizationServer
import Telemetry

/// What a user has: sessions, grants and API keys.
struct UserBelongings {
    /// Live browser sessions.
    let sessions: [SessionAdministration.Entry]
    /// Live grants.
    let grants: [GrantAdministration.Entry]
    /// API keys, ended ones too.
    let apiKeys: [(key: APIKeyRecord, userName: String)]

    /// Reads them.
    init(of user: UserRecord, store: any AuthorizationStore, configuration: Configuration) async throws {
        let settings = AuthorizationServerConfiguration(configuration)
        let nobody = DiscardingAuditLog()
        sessions = try await SessionAdministration(
            store: store, lifetime: settings.session, clock: .system, audit: nobody
        ).list(of: user.name)
        grants = try await GrantAdministration(
            store: store, configured: settings.clients, clock: .system, audit: nobody
        ).list(of: user.name, to: nil, limit: GrantCommand.defaultLimit)
        apiKeys = try await store.apiKeys(of: user.id).map { ($0, user.name) }
    }
}
