package import OAuth
package import Telemetry

/// One `/authorize` request on its way to a code, across login and consent.
package struct AuthorizationTransaction: Sendable, Hashable {
    /// Where a transaction stands. Stages only ever go forward, by `advance(from:to:)`.
    package enum Stage: String, Sendable, Hashable, CaseIterable {
        /// Waits for the user to prove who they are.
        case login
        /// Waits for the user's decision.
        case consent
        /// Is away at an identity provider.
        case identityProvider
        /// Has produced its answer; nothing more can come of it.
        case finished
    }

    /// SHA-256 of the handle that the pages carry.
    package var id: SecretDigest
    /// SHA-256 of the secret in the cookie of the browser that began it.
    package var browser: SecretDigest
    /// Where it stands.
    package var stage: Stage
    /// The checked authorization request, serialised by the authorization server.
    package var request: [UInt8]
    /// Who logged in; `nil` until then.
    package var user: UserID?
    /// When `/authorize` was called.
    package var beganAt: Timestamp
    /// From this time on it is refused.
    package var expiresAt: Timestamp

    /// Creates a transaction as it is stored.
    package init(
        id: SecretDigest, browser: SecretDigest, stage: Stage, request: [UInt8], user: UserID? = nil,
        beganAt: Timestamp,
        expiresAt: Timestamp
    ) {
        self.id = id
        self.browser = browser
        self.stage = stage
        self.request = request
        self.user = user
        self.beganAt = beganAt
        self.expiresAt = expiresAt
    }
}

/// What came of an attempt to advance a transaction.
package enum TransactionAdvance: Sendable, Hashable {
    /// It stands at the new stage; this is how it is stored now.
    case advanced(AuthorizationTransaction)
    /// It stands elsewhere: a double click, a replay, or the other of two racing posts.
    case wrongStage(AuthorizationTransaction.Stage)
    /// Another browser began it; nothing changed.
    case wrongBrowser
    /// Its time is over.
    case expired
    /// There is none with this id.
    case unknown
}

/// Transactions between `/authorize` and the code.
package protocol AuthorizationTransactionStore: Sendable {
    /// Stores a new transaction. Beyond `capacity` the oldest ones give way: a flood of `/authorize` cannot fill the disk.
    func begin(_ transaction: AuthorizationTransaction, capacity: Int) async throws(StoreError)

    /// The transaction with this id, expired ones too.
    func transaction(_ id: SecretDigest) async throws(StoreError) -> AuthorizationTransaction?

    /// Compares browser, stage and time and moves to `next`, in one act. `user`, when given, is stored with it.
    func advance(
        _ id: SecretDigest, browser: SecretDigest, from stage: AuthorizationTransaction.Stage,
        to next: AuthorizationTransaction.Stage, user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> TransactionAdvance
}
