import Crypto
package import OAuth
package import Telemetry

/// Makes, shows and ends API keys, on the store, whether the gateway runs or not. A running gateway hears of ended keys by
/// the revocation feed.
package struct APIKeyAdministration: Sendable {
    /// Live keys of one account.
    package static let limit = 50
    /// The longest that a key may live.
    package static let longestLifetime = Duration.seconds(3660 * 86_400)
    private static let maximumNameLength = 60

    /// What cannot be done, in words for whoever asked.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownUser(String)
        case disabledUser(String)
        case unknownResource(String)
        case unknownScope(String)
        case badName
        case tooMany
        case unknownKey(String)

        package var description: String {
            switch self {
            case .unknownUser(let name): "there is no user named \(name)"
            case .disabledUser(let name): "\(name) is disabled"
            case .unknownResource(let name): "there is no server \(name)"
            case .unknownScope(let scope): "no chosen server knows the scope \(scope)"
            case .badName: "the name of a key is 1 to \(maximumNameLength) characters"
            case .tooMany: "this user has \(limit) keys already; revoke one first"
            case .unknownKey(let id): "there is no key \(id)"
            }
        }
    }

    /// What somebody wants a key for.
    package struct Wish: Sendable {
        /// The account that it acts for.
        package var user: String
        /// What its owner calls it.
        package var name: String
        /// Names, paths or addresses of servers; empty means every server.
        package var resources: [String]
        /// Nil means everything that these servers offer.
        package var scope: Scope?
        /// How long it lives, at most `longestLifetime`.
        package var lifetime: Duration

        package init(user: String, name: String, resources: [String], scope: Scope?, lifetime: Duration) {
            self.user = user
            self.name = name
            self.resources = resources
            self.scope = scope
            self.lifetime = lifetime
        }
    }

    private let store: any AuthorizationStore
    private let directory: any ProtectedResourceDirectory
    private let clock: WallClock
    private let audit: any AuditLog

    /// Creates the operations over a store; `directory` is what the configuration protects.
    package init(
        store: any AuthorizationStore, directory: any ProtectedResourceDirectory, clock: WallClock, audit: any AuditLog
    ) {
        self.store = store
        self.directory = directory
        self.clock = clock
        self.audit = audit
    }

    /// Makes a key; its text is returned here and never again.
    package func create(_ wish: Wish) async throws -> (key: APIKeyRecord, text: String) {
        guard let user = try await store.user(named: wish.user) else { throw Refusal.unknownUser(wish.user) }
        guard !user.isDisabled else { throw Refusal.disabledUser(wish.user) }
        let name = DisplayText.clean(wish.name, limit: Self.maximumNameLength + 1)
        guard (1...Self.maximumNameLength).contains(name.unicodeScalars.count) else { throw Refusal.badName }
        let resources = try resources(wish.resources)
        let secret = IssuedSecret.make(.apiKey)
        let time = clock.now()
        let key = APIKeyRecord(
            id: GrantID(Self.identifier()), digest: secret.digest, hint: String(secret.text.prefix(Self.hintLength)),
            name: name, user: user.id, scope: try scope(wish.scope, of: resources),
            resources: wish.resources.isEmpty ? [] : resources.map { $0.identifier(at: "") }, createdAt: time,
            expiresAt: time + min(wish.lifetime, Self.longestLifetime))
        switch try await store.add(key, limit: Self.limit, at: time) {
        case .added: break
        case .noSuchUser: throw Refusal.disabledUser(wish.user)
        case .tooMany: throw Refusal.tooMany
        }
        note(.apiKeyCreated, key)
        return (key, secret.text)
    }

    /// Keys, newest first, of the account with this name or of all; ended ones too until they are swept.
    package func list(of userName: String?) async throws -> [(key: APIKeyRecord, userName: String)] {
        var names: [UserID: String] = [:]
        for user in try await store.users() { names[user.id] = user.name }
        var owner: UserID?
        if let userName {
            guard let id = names.first(where: { $0.value.utf8.elementsEqual(userName.utf8) })?.key else {
                throw Refusal.unknownUser(userName)
            }
            owner = id
        }
        return try await store.apiKeys(of: owner).map { ($0, names[$0.user] ?? $0.user.value) }
    }

    /// Ends a key. With `user`, only one of that user's.
    package func revoke(_ id: String, of user: UserID? = nil) async throws {
        let key = GrantID(id)
        guard try await store.revokeAPIKey(key, of: user, at: clock.now()) != .unknown else {
            throw Refusal.unknownKey(id)
        }
        audit.record(
            AuditEvent(time: clock.now(), action: .apiKeyRevoked, user: user?.value, detail: [("key", id)]))
    }

    // MARK: Steps

    // `sp_key_` and five characters: enough to tell keys apart, of no use to a guesser.
    private static let hintLength = 12

    // Short, because people type it.
    private static func identifier() -> String { "key_" + Base64URL.encode(Random.bytes(9)) }

    private func resources(_ names: [String]) throws(Refusal) -> [ProtectedResource] {
        guard !names.isEmpty else { return directory.all }
        var found: [ProtectedResource] = []
        for name in names {
            let address = try? ResourceIndicator(parsing: name)  // what is no address is a name or a path
            let external = address.flatMap { directory.external(origin: $0.origin, path: $0.path) }
            let path = address?.path ?? name
            guard let resource = external ?? directory.all.first(where: { Self.isNamed($0, path) }) else {
                throw .unknownResource(name)
            }
            if !found.contains(resource) { found.append(resource) }
        }
        return found
    }

    private static func isNamed(_ resource: ProtectedResource, _ name: String) -> Bool {
        resource.origin == nil && resource.path.utf8.elementsEqual(name.utf8)
            || resource.name.utf8.elementsEqual(name.utf8)
    }

    private func scope(_ wanted: Scope?, of resources: [ProtectedResource]) throws(Refusal) -> Scope {
        let offered = Scope(tokens: resources.flatMap(\.scopes))
        guard let wanted else { return offered }
        if let unknown = wanted.tokens.first(where: { !offered.contains($0) }) { throw .unknownScope(unknown) }
        return wanted
    }

    private func note(_ action: AuditAction, _ key: APIKeyRecord) {
        audit.record(
            AuditEvent(
                time: clock.now(), action: action, user: key.user.value,
                detail: [("key", key.id.value), ("name", key.name), ("scope", key.scope.description)]))
    }
}
