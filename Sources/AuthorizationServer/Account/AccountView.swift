import HTTP
import OAuth
import Telemetry

/// What the account page shows, read from the store at one time.
struct AccountView {
    /// An application that may act for the user.
    struct Access {
        let id: String
        let client: String
        let servers: [String]
        let scope: String
        let since: Timestamp
        let lastUsed: Timestamp?
        let ends: Timestamp
    }

    /// A browser in which the user is signed in.
    struct Session {
        let id: String
        let isThis: Bool
        let since: Timestamp
        let lastSeen: Timestamp
    }

    /// A key of the user. Its text is nowhere: the first characters tell it from others.
    struct Key {
        let id: String
        let name: String
        let hint: String
        let servers: [String]
        let scope: String
        let since: Timestamp
        let lastUsed: Timestamp?
        let ends: Timestamp
    }

    let userName: String
    let email: String?
    /// A local account, whose password is ours to change.
    let hasPassword: Bool
    let accesses: [Access]
    let sessions: [Session]
    let keys: [Key]
    /// For the forms of this page.
    let formToken: String
    /// For the form that signs out.
    let signOutToken: String

    /// Reads it.
    static func load(_ signedIn: SignedInUser, visit: PageVisit) async throws -> AccountView {
        let service = visit.service
        let user = signedIn.user
        let policy = ResourcePolicy(origin: visit.origin, hosts: service.hosts, directory: service.resources)
        let uses = try await service.store.lastUses(of: user.id, at: service.now)
        var accesses: [Access] = []
        for grant in try await service.store.grants(of: user.id, at: service.now) {
            // A client may be gone, and its tokens live until they are revoked or over. Nothing is fetched: whoever
            // publishes a client could keep this page from its users (U07).
            let client = try await service.clients.known(grant.client)
            accesses.append(
                Access(
                    id: grant.id.value, client: client?.displayName ?? DisplayText.clean(grant.client.value),
                    servers: grant.resources.map(policy.name(of:)), scope: grant.scope.description,
                    since: grant.grantedAt, lastUsed: uses[grant.id], ends: grant.expiresAt))
        }
        let sessions = try await service.store.sessions(
            of: user.id, lifetime: service.configuration.session, at: service.now)
        let keys = try await service.store.apiKeys(of: user.id)
            .filter { $0.revokedAt == nil && service.now < $0.expiresAt }
        return AccountView(
            userName: DisplayText.clean(user.shownName), email: user.email, hasPassword: user.passwordHash != nil,
            accesses: accesses,
            sessions: sessions.map {
                Session(
                    id: name(of: $0), isThis: $0.id == signedIn.session.id, since: $0.startedAt, lastSeen: $0.lastSeenAt
                )
            },
            keys: keys.map { key in
                Key(
                    id: key.id.value, name: DisplayText.clean(key.name), hint: key.hint,
                    servers: key.resources.map(policy.name(of:)), scope: key.scope.description, since: key.createdAt,
                    lastUsed: key.lastUsedAt, ends: key.expiresAt)
            },
            formToken: FormToken.make(for: AccountEndpoint.formPurpose, browserSecret: signedIn.secret),
            signOutToken: FormToken.make(for: SignOutEndpoint.formPurpose, browserSecret: signedIn.secret))
    }

    /// What a form calls a session: its digest, which opens nothing.
    static func name(of session: BrowserSession) -> String { session.id.hexadecimal }
}
