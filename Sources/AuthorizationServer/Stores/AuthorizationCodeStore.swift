package import OAuth
package import Telemetry

/// An authorization code as it is stored: what it is bound to, never the code.
package struct AuthorizationCodeRecord: Sendable, Hashable {
    /// SHA-256 of the code.
    package var id: SecretDigest
    /// The grant that its redemption opens.
    package var grant: GrantRecord
    /// `redirect_uri` of the authorization request, byte for byte.
    package var redirectURI: String
    /// `code_challenge` (S256), base64url text.
    package var codeChallenge: String
    /// When it was issued.
    package var issuedAt: Timestamp
    /// From this time on it is refused; at most 60 s after `issuedAt`.
    package var expiresAt: Timestamp
    /// When it was redeemed; `nil` means not yet.
    package var redeemedAt: Timestamp?
    /// Presentations with a wrong verifier so far (A05).
    package var failures: Int

    /// Creates a record as it is stored.
    package init(
        id: SecretDigest, grant: GrantRecord, redirectURI: String, codeChallenge: String, issuedAt: Timestamp,
        expiresAt: Timestamp, redeemedAt: Timestamp? = nil, failures: Int = 0
    ) {
        self.id = id
        self.grant = grant
        self.redirectURI = redirectURI
        self.codeChallenge = codeChallenge
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.redeemedAt = redeemedAt
        self.failures = failures
    }
}

/// What came of a redemption.
package enum CodeRedemption: Sendable, Hashable {
    /// First use: the grant is stored, and the refresh token when one was given.
    case redeemed(GrantRecord)
    /// It was redeemed before: its grant is revoked now, by this act (A06).
    case reused(GrantID)
    /// Its time is over.
    case expired
    /// Too many wrong verifiers (A05).
    case burnt
    /// There is none with this id.
    case unknown
}

/// Authorization codes: single use, bound, short.
///
/// What a code is bound to never changes, so the caller reads it with `code(_:)`, checks client, redirect URI and
/// verifier, and then calls exactly one of `redeem` and `countFailure`.
package protocol AuthorizationCodeStore: Sendable {
    /// Stores a new code.
    func issue(_ code: AuthorizationCodeRecord) async throws(StoreError)

    /// The code with this id, used and expired ones too. A used code is kept until its grant's `expiresAt`, so that a
    /// late replay is recognised.
    func code(_ id: SecretDigest) async throws(StoreError) -> AuthorizationCodeRecord?

    /// Uses the code: of any number of racing calls exactly one gets `.redeemed`. In the same act the code's grant is
    /// stored, bound to `keyThumbprint` when there is one, and `refreshToken` becomes generation 0 of its family. A code that
    /// was used before revokes its grant (`GrantStore.revoke`, reason `.codeReuse`).
    func redeem(
        _ id: SecretDigest, refreshToken: SecretDigest?, keyThumbprint: String?, failureLimit: Int, at now: Timestamp
    ) async throws(StoreError) -> CodeRedemption

    /// Counts a wrong verifier; returns how many there are now, 0 when the code is unknown.
    func countFailure(_ id: SecretDigest, at now: Timestamp) async throws(StoreError) -> Int
}

extension AuthorizationCodeStore {
    /// The same for a grant that is bound to no key.
    package func redeem(
        _ id: SecretDigest, refreshToken: SecretDigest?, failureLimit: Int, at now: Timestamp
    ) async throws(StoreError) -> CodeRedemption {
        try await redeem(id, refreshToken: refreshToken, keyThumbprint: nil, failureLimit: failureLimit, at: now)
    }
}
