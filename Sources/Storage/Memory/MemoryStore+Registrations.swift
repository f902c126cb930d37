package import AuthorizationServer
package import OAuth
package import Telemetry

extension MemoryStore: ClientRegistrationStore {
    package func client(
        _ id: ClientID, presenting token: SecretDigest
    ) async throws(StoreError) -> ClientRecord? {
        withState { state in
            guard state.accepts(token, of: id) else { return nil }
            if state.clients[id]?.registrationDigest == token { state.previousRegistrations[id] = nil }
            return state.clients[id]
        }
    }

    package func replace(
        _ id: ClientID, metadata: [UInt8], secretDigest: SecretDigest?, presenting token: SecretDigest,
        successor: SecretDigest
    ) async throws(StoreError) -> Bool {
        withState { state in
            guard state.accepts(token, of: id) else { return false }
            state.clients[id]?.metadata = metadata
            state.clients[id]?.secretDigest = secretDigest
            state.clients[id]?.registrationDigest = successor
            state.previousRegistrations[id] = token
            return true
        }
    }

    package func removeClient(
        _ id: ClientID, presenting token: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> [GrantID]? {
        withState { state in
            if let token, !state.accepts(token, of: id) { return nil }
            guard state.clients.removeValue(forKey: id) != nil else { return nil }
            state.previousRegistrations[id] = nil
            state.consents = state.consents.filter { $0.value.client != id }
            let now = state.effective(now)
            for (code, record) in state.codes where record.grant.client == id && record.redeemedAt == nil {
                state.codes[code]?.failures = AuthorizationCodeRecord.burnt
            }
            let live = state.grants.values
                .filter { $0.record.client == id && $0.record.revokedAt == nil && now < $0.record.expiresAt }
                .sorted { $0.order < $1.order }
                .map(\.record.id)
            for grant in live { _ = state.revoke(grant, at: now) }
            return live
        }
    }

    package func clients(after id: ClientID?, limit: Int) async throws(StoreError) -> [ClientRecord] {
        withState { state in
            let after = id.map { Array($0.value.utf8) } ?? []
            let sorted = state.clients.values
                .map { (key: Array($0.id.value.utf8), record: $0) }
                .filter { id == nil || after.lexicographicallyPrecedes($0.key) }
                .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            return sorted.prefix(max(0, limit)).map(\.record)
        }
    }
}

extension MemoryStore.State {
    fileprivate func accepts(_ token: SecretDigest, of id: ClientID) -> Bool {
        clients[id]?.registrationDigest == token || previousRegistrations[id] == token && clients[id] != nil
    }
}
