package import OAuth
package import Telemetry

/// Whom an identity provider vouches for, and which account of ours that is.
///
/// The key is issuer and subject together: the same e-mail address under another subject is somebody else (I05).
package struct IdentityRecord: Sendable, Hashable {
    /// SHA-256 of issuer and subject, each with its length.
    package var id: SecretDigest
    /// The provider's identifier in the configuration at the last login.
    package var provider: String
    /// Our account.
    package var user: UserID
    /// What the provider said that access depends on, serialised by the authorization server.
    package var attributes: [UInt8]
    /// With which the provider can be asked again, sealed; nil where it gave nothing.
    package var sealedCredential: [UInt8]?
    /// When the provider last vouched for the user.
    package var confirmedAt: Timestamp
    /// When it was last asked, with whatever result.
    package var askedAt: Timestamp

    /// Creates a record as it is stored.
    package init(
        id: SecretDigest, provider: String, user: UserID, attributes: [UInt8], sealedCredential: [UInt8]?,
        confirmedAt: Timestamp, askedAt: Timestamp
    ) {
        self.id = id
        self.provider = provider
        self.user = user
        self.attributes = attributes
        self.sealedCredential = sealedCredential
        self.confirmedAt = confirmedAt
        self.askedAt = askedAt
    }
}

/// What came of a login by an identity provider.
package enum IdentitySignIn: Sendable, Hashable {
    /// This is the account as it is stored now: an old one, or the proposed one. It may be disabled.
    case account(UserRecord)
    /// The identity is new and the proposed name belongs to another account; nothing changed.
    case nameTaken
}

/// Identities of other issuers, and the accounts that they open.
package protocol IdentityStore: Sendable {
    /// Notes a login, in one act: of any number of racing first logins of one identity one makes the account, and all get
    /// it. A known identity keeps its account with name, state and rights; what `proposed` says about display name, e-mail
    /// and groups replaces what was there; a credential stays until another comes. `identity.user` counts for a new identity alone.
    func signIn(_ identity: IdentityRecord, proposing proposed: UserRecord) async throws(StoreError) -> IdentitySignIn

    /// Notes what the provider said when it was asked again, under the same rules. False, and nothing changed, where the
    /// identity or its account is gone by now: asking makes no accounts.
    func confirm(_ identity: IdentityRecord, updating account: UserRecord) async throws(StoreError) -> Bool

    /// The identity with this key; nil for somebody who never came.
    func identity(_ id: SecretDigest) async throws(StoreError) -> IdentityRecord?

    /// The identity behind an account; nil for local accounts.
    func identity(of user: UserID) async throws(StoreError) -> IdentityRecord?

    /// Every identity.
    func identities() async throws(StoreError) -> [IdentityRecord]

    /// Takes the turn to ask the provider: the identity, with `askedAt` set to now, where it was last asked before
    /// `threshold`; nil where somebody else has the turn or there is none. A provider's refresh token works once, so two
    /// must never use it.
    func takeTurn(
        toAskAbout user: UserID, ifAskedBefore threshold: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> IdentityRecord?
}
