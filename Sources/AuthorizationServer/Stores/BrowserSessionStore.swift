package import OAuth
package import Telemetry

/// A browser in which a user is logged in.
package struct BrowserSession: Sendable, Hashable {
    /// SHA-256 of the cookie's value.
    package var id: SecretDigest
    /// Who is logged in.
    package var user: UserID
    /// When they logged in; the absolute lifetime counts from here.
    package var startedAt: Timestamp
    /// When it was last seen.
    package var lastSeenAt: Timestamp

    /// Creates a record as it is stored.
    package init(id: SecretDigest, user: UserID, startedAt: Timestamp, lastSeenAt: Timestamp) {
        self.id = id
        self.user = user
        self.startedAt = startedAt
        self.lastSeenAt = lastSeenAt
    }
}

/// How long a browser session lives (U05).
package struct SessionLifetime: Sendable, Hashable {
    /// Without being seen.
    package var idleMilliseconds: Int64
    /// From login, however busy.
    package var absoluteMilliseconds: Int64

    /// Creates a lifetime.
    package init(idleMilliseconds: Int64 = 1_800_000, absoluteMilliseconds: Int64 = 43_200_000) {
        self.idleMilliseconds = idleMilliseconds
        self.absoluteMilliseconds = absoluteMilliseconds
    }
}

/// Browser sessions.
package protocol BrowserSessionStore: Sendable {
    /// Starts a session and ends `previous` in one act: the id changes at login.
    func start(_ session: BrowserSession, replacing previous: SecretDigest?) async throws(StoreError)

    /// The live session with this id, noted as seen; `nil` when it is unknown or over. A session whose idle time is over
    /// once stays over. A backend may write the note only when the stored one is a minute old.
    func touch(_ id: SecretDigest, lifetime: SessionLifetime, at now: Timestamp) async throws(StoreError)
        -> BrowserSession?

    /// The live sessions of a user, or of all users, the one last seen first.
    func sessions(
        of user: UserID?, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [BrowserSession]

    /// Ends a session.
    func end(_ id: SecretDigest) async throws(StoreError)

    /// Ends every session of a user, or of all users, but `kept`; returns how many.
    func endSessions(of user: UserID?, except kept: SecretDigest?) async throws(StoreError) -> Int
}
