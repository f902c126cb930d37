package import OAuth
package import Telemetry

/// A key with which a program that cannot do OAuth acts for a user.
package struct APIKeyRecord: Sendable, Hashable {
    /// Names the key in listings, in the audit and in the `RevocationFeed`; no secret.
    package var id: GrantID
    /// SHA-256 of the key.
    package var digest: SecretDigest
    /// The first characters of the key, by which its owner recognises it.
    package var hint: String
    /// What the owner calls it.
    package var name: String
    /// For whom it acts.
    package var user: UserID
    /// What it may do.
    package var scope: Scope
    /// Paths of the resources where it counts, like `/demo/mcp`; empty means every one.
    package var resources: [String]
    /// When it was made.
    package var createdAt: Timestamp
    /// From this time on it is refused.
    package var expiresAt: Timestamp
    /// When it was revoked; `nil` means it was not.
    package var revokedAt: Timestamp?
    /// When it was last presented, up to an hour behind; `nil` means never.
    package var lastUsedAt: Timestamp?

    /// Creates a record as it is stored.
    package init(
        id: GrantID, digest: SecretDigest, hint: String, name: String, user: UserID, scope: Scope, resources: [String],
        createdAt: Timestamp, expiresAt: Timestamp, revokedAt: Timestamp? = nil, lastUsedAt: Timestamp? = nil
    ) {
        self.id = id
        self.digest = digest
        self.hint = hint
        self.name = name
        self.user = user
        self.scope = scope
        self.resources = resources
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.revokedAt = revokedAt
        self.lastUsedAt = lastUsedAt
    }
}

/// What came of adding a key.
package enum APIKeyAddition: Sendable, Hashable {
    /// It works now.
    case added
    /// There is no such account, or it is disabled.
    case noSuchUser
    /// The account has as many live keys as it may have.
    case tooMany
}

/// API keys. They end with their user: `UserChange.disable` and `.remove` revoke them in the same act.
package protocol APIKeyStore: Sendable {
    /// Stores a key of an account that is open, which may have `limit` live keys.
    func add(_ key: APIKeyRecord, limit: Int, at now: Timestamp) async throws(StoreError) -> APIKeyAddition

    /// The key with this digest, ended ones too.
    func apiKey(_ digest: SecretDigest) async throws(StoreError) -> APIKeyRecord?

    /// The keys of a user, or of all users, newest first; ended ones too until they are swept.
    func apiKeys(of user: UserID?) async throws(StoreError) -> [APIKeyRecord]

    /// Ends a key for good: a durable mark and an entry of the `RevocationFeed` under the key's id, in one act. With `user`,
    /// only a key of that user; another's is `.unknown`.
    func revokeAPIKey(_ id: GrantID, of user: UserID?, at now: Timestamp) async throws(StoreError) -> GrantRevocation

    /// Notes that a key is in use. A backend may leave the stored time up to an hour behind.
    func markAPIKeyUsed(_ id: GrantID, at now: Timestamp) async throws(StoreError)
}
