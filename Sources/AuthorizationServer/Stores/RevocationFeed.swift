package import OAuth
package import Telemetry

/// One entry of the feed.
package struct Revocation: Sendable, Hashable {
    /// Strictly increasing in commit order: whoever has read up to `n` misses nothing by asking for what follows `n`.
    package var sequence: Int64
    /// The grant that ended.
    package var grant: GrantID
    /// When it ended.
    package var revokedAt: Timestamp

    /// Creates an entry.
    package init(sequence: Int64, grant: GrantID, revokedAt: Timestamp) {
        self.sequence = sequence
        self.grant = grant
        self.revokedAt = revokedAt
    }
}

/// Ended grants in the order in which they ended, so that every process knows within a second (T08).
package protocol RevocationFeed: Sendable {
    /// Entries after `sequence`, oldest first, at most `limit`. Cheap when there are none: it is asked twice a second.
    func revocations(after sequence: Int64, limit: Int) async throws(StoreError) -> [Revocation]
}
