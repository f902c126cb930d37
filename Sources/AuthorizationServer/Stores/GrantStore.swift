package import OAuth
package import Telemetry

/// What a user allowed a client: the family to which every token belongs.
package struct GrantRecord: Sendable, Hashable {
    /// Carried by each access token as `grant`.
    package var id: GrantID
    /// Who allowed it; for a grant of a service account the client itself (`UserID.init(serviceAccount:)`).
    package var user: UserID
    /// To whom.
    package var client: ClientID
    /// What was allowed; a refresh may ask for less, never for more.
    package var scope: Scope
    /// The resources (RFC 8707) it is for, canonical absolute URIs in the order of the request.
    package var resources: [String]
    /// The issuer that the client used: `iss` of its tokens.
    package var issuer: String
    /// The thumbprint (RFC 7638) of the DPoP key without which its refresh tokens are worth nothing; `nil` for bearer tokens
    /// and for clients that authenticate.
    package var keyThumbprint: String?
    /// When the user allowed it.
    package var grantedAt: Timestamp
    /// Absolute end; refreshing does not extend it.
    package var expiresAt: Timestamp
    /// When it was revoked; `nil` means it was not.
    package var revokedAt: Timestamp?

    /// Creates a record as it is stored.
    package init(
        id: GrantID, user: UserID, client: ClientID, scope: Scope, resources: [String], issuer: String,
        keyThumbprint: String? = nil, grantedAt: Timestamp, expiresAt: Timestamp, revokedAt: Timestamp? = nil
    ) {
        self.id = id
        self.user = user
        self.client = client
        self.scope = scope
        self.resources = resources
        self.issuer = issuer
        self.keyThumbprint = keyThumbprint
        self.grantedAt = grantedAt
        self.expiresAt = expiresAt
        self.revokedAt = revokedAt
    }
}

/// Why a grant ended, for the audit.
package enum RevocationReason: String, Sendable, Hashable, CaseIterable {
    /// The client asked (RFC 7009).
    case clientRequest = "client_request"
    /// The user or an administrator asked.
    case userRequest = "user_request"
    /// A code was redeemed twice (A06).
    case codeReuse = "code_reuse"
    /// A refresh token was presented after its grace (A11).
    case refreshTokenReuse = "refresh_token_reuse"
    /// The account was disabled or removed.
    case userDisabled = "user_disabled"
    /// The identity provider or the allow-list no longer vouches for the user (I08).
    case userDisowned = "user_disowned"
    /// The client was removed.
    case clientRemoved = "client_removed"
}

/// What came of a revocation.
package enum GrantRevocation: Sendable, Hashable {
    /// It is revoked now.
    case revoked
    /// It was revoked before.
    case alreadyRevoked
    /// There is none with this id.
    case unknown
}

/// What came of opening a grant.
package enum GrantOpening: Sendable, Hashable {
    /// It is stored.
    case opened
    /// The user is disabled or gone.
    case noSuchUser
}

/// Grants and their end.
package protocol GrantStore: Sendable {
    /// Stores a grant that no code stands for, with `refreshToken`, when there is one, as generation 0 of its family. The
    /// account is looked at in the same act: one that is being disabled gets nothing that outlives it. Service accounts have
    /// no account to look at.
    func open(_ grant: GrantRecord, refreshToken: SecretDigest?, at now: Timestamp) async throws(StoreError)
        -> GrantOpening

    /// The grant with this id, ended ones too.
    func grant(_ id: GrantID) async throws(StoreError) -> GrantRecord?

    /// The live grants of a user, newest first.
    func grants(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantRecord]

    /// The live grants of every user and client, or of the ones given, newest first, at most `limit`.
    func grants(
        of user: UserID?, to client: ClientID?, limit: Int, at now: Timestamp
    ) async throws(StoreError) -> [GrantRecord]

    /// When tokens of a user's live grants were last issued. A grant that never got a refresh token may be missing.
    func lastUses(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantID: Timestamp]

    /// Ends a grant for good: a durable tombstone that no refresh in flight revives (A12), and an entry of the
    /// `RevocationFeed`, in one act. A grant whose code was never redeemed is `.unknown`.
    func revoke(_ id: GrantID, reason: RevocationReason, at now: Timestamp) async throws(StoreError) -> GrantRevocation

    /// Ends every live grant of a user, and burns the user's unredeemed codes; returns the grants that ended.
    func revokeAll(of user: UserID, reason: RevocationReason, at now: Timestamp) async throws(StoreError) -> [GrantID]
}
