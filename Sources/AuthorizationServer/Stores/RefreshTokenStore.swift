package import OAuth
package import Telemetry

/// A refresh token as it is stored.
package struct RefreshTokenRecord: Sendable, Hashable {
    /// SHA-256 of the token.
    package var id: SecretDigest
    /// The family it belongs to.
    package var grant: GrantID
    /// 0 for the first of its family, one more for each rotation.
    package var generation: Int
    /// When it was issued.
    package var issuedAt: Timestamp
    /// When it was first exchanged; `nil` means not yet.
    package var rotatedAt: Timestamp?
    /// How often it was exchanged with success.
    package var presentations: Int

    /// Creates a record as it is stored.
    package init(
        id: SecretDigest, grant: GrantID, generation: Int, issuedAt: Timestamp, rotatedAt: Timestamp? = nil,
        presentations: Int = 0
    ) {
        self.id = id
        self.grant = grant
        self.generation = generation
        self.issuedAt = issuedAt
        self.rotatedAt = rotatedAt
        self.presentations = presentations
    }
}

/// How long a used refresh token may be presented again: real hosts refresh in parallel with one token (A11).
package struct RotationPolicy: Sendable, Hashable {
    /// From the first use on; 0 is strict, every second presentation is reuse.
    package var graceMilliseconds: Int64
    /// Presentations in all within the grace, the first one included.
    package var maximumPresentations: Int

    /// Creates a policy.
    package init(graceMilliseconds: Int64 = 120_000, maximumPresentations: Int = 10) {
        self.graceMilliseconds = graceMilliseconds
        self.maximumPresentations = maximumPresentations
    }
}

extension RotationPolicy {
    /// Whether `token` may be presented at `now`: its first use, or a re-presentation within the grace (A11).
    package func permits(_ token: RefreshTokenRecord, at now: Timestamp) -> Bool {
        guard let rotatedAt = token.rotatedAt else { return true }
        return now.millisecondsSinceEpoch - rotatedAt.millisecondsSinceEpoch < graceMilliseconds
            && token.presentations < maximumPresentations
    }
}

/// What came of a rotation.
package enum RefreshRotation: Sendable, Hashable {
    /// The successor is stored in the same family. `withinGrace` tells a re-presentation from the first use.
    case rotated(GrantRecord, withinGrace: Bool)
    /// Presented after its grace or too often: the whole family is revoked now, by this act.
    case reused(GrantID)
    /// The family was revoked before.
    case revoked(GrantID)
    /// The family's absolute lifetime is over.
    case expired
    /// It belongs to another client; nothing changed (A08).
    case wrongClient
    /// There is none with this id.
    case unknown
}

/// Refresh tokens: rotated on each use, one family per grant.
package protocol RefreshTokenStore: Sendable {
    /// The token and its grant, used and revoked ones too. Read it to check scope and resource before `rotate`.
    func refreshToken(
        _ id: SecretDigest
    ) async throws(StoreError) -> (token: RefreshTokenRecord, grant: GrantRecord)?

    /// Exchanges a token for `successor`, in one act with every check. In order: unknown, wrong client, revoked, expired,
    /// reuse. A token is reused when it was rotated before and `now - rotatedAt >= grace`, or when it has
    /// `maximumPresentations` already. The grant's `expiresAt` stays as it is.
    func rotate(
        _ id: SecretDigest, of client: ClientID, successor: SecretDigest, policy: RotationPolicy, at now: Timestamp
    ) async throws(StoreError) -> RefreshRotation
}
