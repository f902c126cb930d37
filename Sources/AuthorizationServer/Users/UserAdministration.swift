import Crypto
import OAuth
package import Telemetry

/// What an administrator does with local accounts, on the store, whether the gateway runs or not. A running gateway hears
/// of ended grants by the revocation feed.
package struct UserAdministration: Sendable {
    /// What cannot be done, in words for the administrator.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case nameTaken(String)
        case unknownUser(String)
        case badName
        case badPassword(String)
        /// Its password, if any, is at the provider.
        case federated(String)

        package var description: String {
            switch self {
            case .nameTaken(let name): "there is a user named \(name) already"
            case .unknownUser(let name): "there is no user named \(name)"
            case .badName: "a user name is 1 to 64 letters, digits, '.', '-', '_', '@' or '+'"
            case .badPassword(let problem): problem
            case .federated(let name): "\(name) signs in at an identity provider and has no password here"
            }
        }
    }

    private let store: any AuthorizationStore
    private let clock: WallClock
    private let audit: any AuditLog

    /// Creates the operations over a store.
    package init(store: any AuthorizationStore, clock: WallClock, audit: any AuditLog) {
        self.store = store
        self.clock = clock
        self.audit = audit
    }

    /// Adds an account with a password.
    package func add(
        name: String, password: String, email: String? = nil, groups: [String] = [], isAdministrator: Bool = false
    ) async throws -> UserRecord {
        let hash = try await hash(password, name: name)
        return try await add(
            name: name, hash: hash, email: email, groups: groups, isAdministrator: isAdministrator)
    }

    /// Adds an account whose owner sets the password with a one-time link; returns the link's secret.
    package func addWithLink(
        name: String, email: String? = nil, groups: [String] = [], isAdministrator: Bool = false, lifetime: Duration
    ) async throws -> (user: UserRecord, link: String) {
        let user = try await add(
            name: name, hash: nil, email: email, groups: groups, isAdministrator: isAdministrator)
        return (user, try await makeLink(for: user, lifetime: lifetime))
    }

    /// Every account, by name.
    package func list() async throws -> [UserRecord] {
        try await store.users()
    }

    /// The account with this name.
    package func show(_ name: String) async throws -> UserRecord {
        try await find(name)
    }

    /// What an identity provider said about an account that tokens carry for the access policy, beside groups.
    package func claims(of user: UserRecord) async throws -> [String: [String]] {
        try await TokenSubject.claims(of: user, in: store)
    }

    /// Changes what is given of an account's e-mail, groups and role; an empty e-mail is none.
    package func setProfile(
        of name: String, email: String?, groups: [String]?, isAdministrator: Bool?
    ) async throws -> UserRecord {
        let user = try await find(name)
        let address = email.map { $0.isEmpty ? nil : $0 } ?? user.email
        try await change(
            user,
            .profile(
                email: address, groups: groups ?? user.groups,
                isAdministrator: isAdministrator ?? user.isAdministrator),
            action: .userChanged, detail: "profile")
        return try await find(name)
    }

    /// Sets an account's password; its browser sessions end.
    package func setPassword(of name: String, to password: String) async throws {
        let user = try await findLocal(name)
        let hash = try await hash(password, name: name)
        try await change(user, .password(hash: hash), action: .userChanged, detail: "password")
    }

    /// Makes a new one-time link with which the owner sets the password; earlier links stop working.
    package func makeLink(for name: String, lifetime: Duration) async throws -> String {
        try await makeLink(for: findLocal(name), lifetime: lifetime)
    }

    /// Closes an account: its grants, sessions and links end with it (T08).
    package func disable(_ name: String) async throws {
        try await change(find(name), .disable, action: .userChanged, detail: "disable")
    }

    /// Opens an account again.
    package func enable(_ name: String) async throws {
        try await change(find(name), .enable, action: .userChanged, detail: "enable")
    }

    /// Removes an account with everything that belongs to it.
    package func remove(_ name: String) async throws {
        try await change(find(name), .remove, action: .userRemoved, detail: "remove")
    }

    /// On the first start, makes the administrator's account. Returns its one-time setup secret, and again on later
    /// starts for as long as nobody has set a password: the link of an earlier start stops working then.
    package func prepareFirstUser(named name: String = "admin", lifetime: Duration) async throws -> String? {
        let fresh = record(name: name, hash: nil, email: nil, groups: [], isAdministrator: true)
        if try await store.add(fresh, onlyIfFirst: true) == .added {
            note(.userAdded, fresh, detail: "first start")
            return try await makeLink(for: fresh, lifetime: lifetime)
        }
        let users = try await store.users().filter { !$0.isFederated }
        guard users.count == 1, let only = users.first, only.passwordHash == nil, !only.isDisabled else { return nil }
        return try await makeLink(for: only, lifetime: lifetime)
    }

    // MARK: Steps

    private func add(
        name: String, hash: String?, email: String?, groups: [String], isAdministrator: Bool
    ) async throws -> UserRecord {
        guard UserAdministration.isAcceptable(name) else { throw Refusal.badName }
        let user = record(name: name, hash: hash, email: email, groups: groups, isAdministrator: isAdministrator)
        guard try await store.add(user, onlyIfFirst: false) == .added else { throw Refusal.nameTaken(name) }
        note(.userAdded, user, detail: isAdministrator ? "administrator" : "user")
        return user
    }

    private func record(
        name: String, hash: String?, email: String?, groups: [String], isAdministrator: Bool
    ) -> UserRecord {
        UserRecord(
            id: UserID(Random.token("user_")), name: name, email: email, groups: groups,
            isAdministrator: isAdministrator, passwordHash: hash, createdAt: clock.now(),
            passwordChangedAt: hash == nil ? nil : clock.now())
    }

    private func makeLink(for user: UserRecord, lifetime: Duration) async throws -> String {
        let secret = IssuedSecret.make(.setupLink)
        let time = clock.now()
        try await store.issue(
            OneTimeLink(id: secret.digest, user: user.id, issuedAt: time, expiresAt: time + lifetime))
        return secret.text
    }

    private func find(_ name: String) async throws -> UserRecord {
        guard let user = try await store.user(named: name) else { throw Refusal.unknownUser(name) }
        return user
    }

    private func findLocal(_ name: String) async throws -> UserRecord {
        let user = try await find(name)
        guard !user.isFederated else { throw Refusal.federated(name) }
        return user
    }

    private func change(_ user: UserRecord, _ change: UserChange, action: AuditAction, detail: String) async throws {
        guard case .changed = try await store.change(user.id, change, at: clock.now()) else {
            throw Refusal.unknownUser(user.name)
        }
        note(action, user, detail: detail)
    }

    private func hash(_ password: String, name: String) async throws -> String {
        if let problem = PasswordRule.problem(with: password, name: name) { throw Refusal.badPassword(problem) }
        return try await PasswordThreads.run { try PasswordHash.hash(Array(password.utf8)) }
    }

    private func note(_ action: AuditAction, _ user: UserRecord, detail: String) {
        audit.record(
            AuditEvent(
                time: clock.now(), action: action, user: user.id.value,
                detail: [("name", user.name), ("change", detail)]))
    }

    // Names appear in logs, listings and pages, and are compared as bytes: ASCII leaves no two that look alike.
    private static func isAcceptable(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...64).contains(bytes.count), bytes.first != UInt8(ascii: "-") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "@"), UInt8(ascii: "+"):
                true
            default: false
            }
        }
    }
}
