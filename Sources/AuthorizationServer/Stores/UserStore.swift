package import OAuth
package import Telemetry

/// An account: a local one, or that of an identity of a provider.
package struct UserRecord: Sendable, Hashable {
    /// `sub` of the tokens: never reused, never shown to be guessed.
    package var id: UserID
    /// What the user types to log in; unique by bytes. Of an account of an identity provider `PROVIDER:NAME`, which nobody
    /// can type: names of local accounts have no colon.
    package var name: String
    /// What others call the user, where that is not `name`.
    package var displayName: String?
    /// Verified by the administrator who typed it in.
    package var email: String?
    /// Groups for the access policy.
    package var groups: [String]
    /// May administer.
    package var isAdministrator: Bool
    /// May not log in, and has no live grant or session.
    package var isDisabled: Bool
    /// A PHC string (scrypt); `nil` until the setup link was used.
    package var passwordHash: String?
    /// When the account was made.
    package var createdAt: Timestamp
    /// When the password was last set.
    package var passwordChangedAt: Timestamp?

    /// Creates a record as it is stored.
    package init(
        id: UserID, name: String, displayName: String? = nil, email: String? = nil, groups: [String] = [],
        isAdministrator: Bool = false,
        isDisabled: Bool = false, passwordHash: String? = nil, createdAt: Timestamp,
        passwordChangedAt: Timestamp? = nil
    ) {
        self.id = id
        self.name = name
        self.displayName = displayName
        self.email = email
        self.groups = groups
        self.isAdministrator = isAdministrator
        self.isDisabled = isDisabled
        self.passwordHash = passwordHash
        self.createdAt = createdAt
        self.passwordChangedAt = passwordChangedAt
    }
}

extension UserRecord {
    /// Whether an identity provider vouches for it: it has no password and never gets one.
    package var isFederated: Bool { name.utf8.contains(UInt8(ascii: ":")) }

    /// What others call the user: the name in tokens and on pages.
    package var shownName: String { displayName ?? name }
}

/// What came of adding an account.
package enum UserAddition: Sendable, Hashable {
    /// It is stored.
    case added
    /// There is an account with this name.
    case nameTaken
    /// It should have been the first account, and there is one already.
    case notFirst
}

/// A change of an account. Each is one act with its consequences.
package enum UserChange: Sendable, Hashable {
    /// Sets the password (a PHC string) and ends the user's browser sessions.
    case password(hash: String)
    /// Stops the account: every grant is revoked (`.userDisabled`), codes are burnt, sessions and links end.
    case disable
    /// Lets the account log in again. What was revoked stays revoked.
    case enable
    /// Ends what `disable` ends and forgets the provider's credential, but leaves the account open: the provider, or our
    /// allow-list, no longer vouches for the user (I08).
    case disown
    /// Removes the account, with the consequences of `disable`, its consents and its identity.
    case remove
    /// Sets e-mail, groups and role. Tokens that were issued before carry the old ones until they are refreshed.
    case profile(email: String?, groups: [String], isAdministrator: Bool)
}

/// What came of a change.
package enum UserChangeOutcome: Sendable, Hashable {
    /// It is done; these grants ended with it.
    case changed(revoked: [GrantID])
    /// There is no such account.
    case unknown
}

/// Local accounts.
package protocol UserStore: Sendable {
    /// Stores a new account. With `onlyIfFirst`, only when there is none at all.
    func add(_ user: UserRecord, onlyIfFirst: Bool) async throws(StoreError) -> UserAddition

    /// The account with this login name.
    func user(named name: String) async throws(StoreError) -> UserRecord?

    /// The account with this identifier.
    func user(_ id: UserID) async throws(StoreError) -> UserRecord?

    /// Every account, by name.
    func users() async throws(StoreError) -> [UserRecord]

    /// Makes one change with all its consequences.
    func change(_ id: UserID, _ change: UserChange, at now: Timestamp) async throws(StoreError) -> UserChangeOutcome
}

/// Failed logins of one name.
package struct LoginFailures: Sendable, Hashable {
    /// How many in a row.
    package var count: Int
    /// When the last one was.
    package var lastAt: Timestamp?

    /// Creates a count; without arguments, none.
    package init(count: Int = 0, lastAt: Timestamp? = nil) {
        self.count = count
        self.lastAt = lastAt
    }
}

/// Failed logins by the digest of the name that was typed, so that known and unknown names behave alike.
package protocol LoginFailureStore: Sendable {
    /// The failures noted for this key.
    func loginFailures(_ key: SecretDigest) async throws(StoreError) -> LoginFailures

    /// Notes one more; beyond `capacity` keys the one whose last failure is oldest gives way.
    func noteLoginFailure(_ key: SecretDigest, capacity: Int, at now: Timestamp) async throws(StoreError)
        -> LoginFailures

    /// Forgets them, after a login that worked.
    func clearLoginFailures(_ key: SecretDigest) async throws(StoreError)
}
