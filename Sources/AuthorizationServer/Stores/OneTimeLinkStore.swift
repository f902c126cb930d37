package import OAuth
package import Telemetry

/// A link with which a user sets their password, once.
package struct OneTimeLink: Sendable, Hashable {
    /// SHA-256 of the secret in the link.
    package var id: SecretDigest
    /// Whose password it sets.
    package var user: UserID
    /// When it was made.
    package var issuedAt: Timestamp
    /// From this time on it is refused.
    package var expiresAt: Timestamp
    /// When it was used; `nil` means not yet.
    package var usedAt: Timestamp?

    /// Creates a record as it is stored.
    package init(id: SecretDigest, user: UserID, issuedAt: Timestamp, expiresAt: Timestamp, usedAt: Timestamp? = nil) {
        self.id = id
        self.user = user
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.usedAt = usedAt
    }
}

/// What came of using a link.
package enum OneTimeLinkUse: Sendable, Hashable {
    /// First use: the password is set.
    case first(UserID)
    /// It was used before.
    case used
    /// Its time is over.
    case expired
    /// There is none with this id, or a newer one replaced it.
    case unknown
}

/// One-time links.
package protocol OneTimeLinkStore: Sendable {
    /// Stores a link; earlier unused links of the same user stop working.
    func issue(_ link: OneTimeLink) async throws(StoreError)

    /// The link with this id, to show its page without using it.
    func link(_ id: SecretDigest) async throws(StoreError) -> OneTimeLink?

    /// Uses the link and sets the password with all consequences of `UserChange.password`, in one act: a crash in
    /// between can neither burn the link without a password nor the reverse.
    func firstUse(
        of id: SecretDigest, settingPassword hash: String, at now: Timestamp
    ) async throws(StoreError) -> OneTimeLinkUse
}
