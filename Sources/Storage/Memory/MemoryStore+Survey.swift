package import AuthorizationServer
import OAuth
package import Telemetry

extension MemoryStore: StoreSurvey {
    package func census(
        lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [StoreEntry: Int] {
        withState { state in
            let now = state.effective(now)
            return Dictionary(
                uniqueKeysWithValues: StoreEntry.allCases.map { ($0, state.count($0, lifetime: lifetime, at: now)) })
        }
    }

    package func leftovers(
        revocationsBefore: Timestamp, neverUsedBefore: Timestamp, idleBefore: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> StoreLeftovers {
        withState { state in
            // What is done to a copy is done to nobody.
            var copy = state
            let rows = copy.sweep(at: now, revocationsBefore: revocationsBefore)
            let clients = copy.removeClients(neverUsedBefore: neverUsedBefore, idleBefore: idleBefore)
            return StoreLeftovers(rows: rows, clients: clients)
        }
    }
}

extension MemoryStore.State {
    fileprivate func count(_ entry: StoreEntry, lifetime: SessionLifetime, at now: Timestamp) -> Int {
        switch entry {
        case .users: users.count
        case .disabledUsers: users.values.count { $0.isDisabled }
        case .administrators: users.values.count { $0.isAdministrator }
        case .clients: clients.count
        case .unusedClients: clients.values.count { $0.lastUsedAt == nil }
        case .liveGrants: grants.values.count { $0.record.revokedAt == nil && now < $0.record.expiresAt }
        case .revokedGrants: grants.values.count { $0.record.revokedAt != nil }
        case .refreshTokens: refreshTokens.count
        case .openCodes:
            codes.values.count {
                $0.redeemedAt == nil && now < $0.expiresAt && $0.failures < AuthorizationCodeRecord.burnt
            }
        case .openLogins: transactions.values.count { $0.record.stage != .finished && now < $0.record.expiresAt }
        case .openDevices: devices.values.count { $0.record.stage == .pending && now < $0.record.expiresAt }
        case .browserSessions: sessions.values.count { lifetime.isLive($0, at: now) }
        case .consents: consents.count
        case .liveAPIKeys: apiKeys.values.count { $0.record.revokedAt == nil && now < $0.record.expiresAt }
        case .signingKeys: signingKeys.count { $0.retiredAt == nil }
        }
    }

    /// `ExpirySweeper.sweep`.
    mutating func sweep(at now: Timestamp, revocationsBefore: Timestamp) -> Int {
        let now = effective(now)
        let before = rowCount
        transactions = transactions.filter { now < $0.value.record.expiresAt }
        codes = codes.filter { _, code in
            now < code.grant.expiresAt && (code.redeemedAt != nil || now < code.expiresAt)
        }
        links = links.filter { now < $0.value.expiresAt && $0.value.usedAt == nil }
        grants = grants.filter { now < $0.value.record.expiresAt }
        refreshTokens = refreshTokens.filter { grants[$0.value.grant] != nil }
        sessions = sessions.filter { now.milliseconds(since: $0.value.lastSeenAt) < 7_776_000_000 }
        revocations = revocations.filter { $0.revokedAt >= revocationsBefore }
        oneTimeUses = oneTimeUses.filter { now < $0.value }
        pushedRequests = pushedRequests.filter { now < $0.value.record.expiresAt }
        devices = devices.filter {
            now < ($0.value.record.grant?.expiresAt ?? $0.value.record.expiresAt)
        }
        apiKeys = apiKeys.filter { _, key in
            now.milliseconds(since: min(key.record.expiresAt, key.record.revokedAt ?? key.record.expiresAt))
                < 7_776_000_000
        }
        return before - rowCount
    }

    /// Rows that a sweep may remove; tokens go with their grants and are not counted, as SQLite's cascade is not.
    private var rowCount: Int {
        transactions.count + codes.count + links.count + grants.count + sessions.count + revocations.count
            + oneTimeUses.count + pushedRequests.count + devices.count + apiKeys.count
    }
}
