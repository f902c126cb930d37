package import Telemetry

/// A kind of entry that a store holds; the raw value names it in listings and as JSON.
package enum StoreEntry: String, Sendable, Hashable, CaseIterable {
    case users
    case disabledUsers = "disabled_users"
    case administrators
    case clients
    /// Registered, and never given a code or token.
    case unusedClients = "unused_clients"
    /// Neither revoked nor over.
    case liveGrants = "live_grants"
    /// Tombstones that are kept until the grant would have ended.
    case revokedGrants = "revoked_grants"
    /// Of every generation that is still remembered.
    case refreshTokens = "refresh_tokens"
    /// Issued, not redeemed, not over.
    case openCodes = "open_codes"
    /// Authorization requests on their way through login and consent.
    case openLogins = "open_logins"
    /// Devices that wait for their user.
    case openDevices = "open_devices"
    case browserSessions = "browser_sessions"
    case consents
    /// API keys, neither revoked nor over.
    case liveAPIKeys = "live_api_keys"
    /// Keys that verify tokens.
    case signingKeys = "signing_keys"
}

/// What a sweep and the expiry of clients would remove.
package struct StoreLeftovers: Sendable, Hashable {
    /// As `ExpirySweeper.sweep` counts.
    package var rows: Int
    /// As `ClientStore.removeClients` counts.
    package var clients: Int

    /// Creates a count.
    package init(rows: Int, clients: Int) {
        self.rows = rows
        self.clients = clients
    }
}

/// How much there is, for an operator. Reads a moment's state; changes nothing.
package protocol StoreSurvey: Sendable {
    /// How many entries of each kind there are; every kind is there.
    func census(lifetime: SessionLifetime, at now: Timestamp) async throws(StoreError) -> [StoreEntry: Int]

    /// What `sweep` and `removeClients` would remove with the same arguments.
    func leftovers(
        revocationsBefore: Timestamp, neverUsedBefore: Timestamp, idleBefore: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> StoreLeftovers
}
