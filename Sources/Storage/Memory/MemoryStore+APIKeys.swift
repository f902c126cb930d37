package import AuthorizationServer
package import OAuth
package import Telemetry

extension MemoryStore: APIKeyStore {
    package func add(_ key: APIKeyRecord, limit: Int, at now: Timestamp) async throws(StoreError) -> APIKeyAddition {
        withState { state in
            let now = state.effective(now)
            guard state.isOpen(key.user) else { return .noSuchUser }
            guard state.liveKeys(of: key.user, at: now).count < limit else { return .tooMany }
            state.apiKeys[key.id] = state.ordered(key)
            return .added
        }
    }

    package func apiKey(_ digest: SecretDigest) async throws(StoreError) -> APIKeyRecord? {
        withState { state in state.apiKeys.values.first { $0.record.digest == digest }?.record }
    }

    package func apiKeys(of user: UserID?) async throws(StoreError) -> [APIKeyRecord] {
        withState { state in
            state.apiKeys.values.filter { user == nil || $0.record.user == user }
                .sorted { ($0.record.createdAt, $0.order) > ($1.record.createdAt, $1.order) }
                .map(\.record)
        }
    }

    package func revokeAPIKey(
        _ id: GrantID, of user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> GrantRevocation {
        withState { state in
            let now = state.effective(now)
            guard let key = state.apiKeys[id]?.record, user == nil || key.user == user else { return .unknown }
            guard key.revokedAt == nil else { return .alreadyRevoked }
            state.revokeAPIKey(id, at: now)
            return .revoked
        }
    }

    package func markAPIKeyUsed(_ id: GrantID, at now: Timestamp) async throws(StoreError) {
        withState { state in
            let now = state.effective(now)
            state.apiKeys[id]?.record.lastUsedAt = now
        }
    }
}

extension MemoryStore.State {
    /// Whether there is such an account and it is not disabled.
    func isOpen(_ user: UserID) -> Bool { users[user].map { !$0.isDisabled } ?? false }

    fileprivate func liveKeys(of user: UserID, at now: Timestamp) -> [MemoryStore.Ordered<APIKeyRecord>] {
        apiKeys.values
            .filter { $0.record.user == user && $0.record.revokedAt == nil && now < $0.record.expiresAt }
            .sorted { $0.order < $1.order }
    }

    fileprivate mutating func revokeAPIKey(_ id: GrantID, at now: Timestamp) {
        apiKeys[id]?.record.revokedAt = now
        feed(id, at: now)
    }

    /// Ends every live key of a user; returns them.
    mutating func revokeAPIKeys(of user: UserID, at now: Timestamp) -> [GrantID] {
        let live = liveKeys(of: user, at: now).map(\.record.id)
        for id in live { revokeAPIKey(id, at: now) }
        return live
    }
}
