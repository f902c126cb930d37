package import AuthorizationServer
package import OAuth
package import Telemetry

extension MemoryStore: AuthorizationCodeStore {
    package func issue(_ code: AuthorizationCodeRecord) async throws(StoreError) {
        withState { $0.codes[code.id] = code }
    }

    package func code(_ id: SecretDigest) async throws(StoreError) -> AuthorizationCodeRecord? {
        withState { $0.codes[id] }
    }

    package func redeem(
        _ id: SecretDigest, refreshToken: SecretDigest?, keyThumbprint: String?, failureLimit: Int, at now: Timestamp
    ) async throws(StoreError) -> CodeRedemption {
        withState { state in
            let now = state.effective(now)
            guard let code = state.codes[id] else { return .unknown }
            if code.redeemedAt != nil {
                _ = state.revoke(code.grant.id, at: now)
                return .reused(code.grant.id)
            }
            guard code.failures < failureLimit else { return .burnt }
            guard now < code.expiresAt else { return .expired }
            state.codes[id]?.redeemedAt = now
            var grant = code.grant
            grant.keyThumbprint = keyThumbprint
            state.open(grant, refreshToken: refreshToken, at: now)
            return .redeemed(grant)
        }
    }

    package func countFailure(_ id: SecretDigest, at now: Timestamp) async throws(StoreError) -> Int {
        withState { state in
            _ = state.effective(now)
            guard let failures = state.codes[id]?.failures else { return 0 }
            let count = min(failures + 1, AuthorizationCodeRecord.burnt)
            state.codes[id]?.failures = count
            return count
        }
    }
}

extension MemoryStore: GrantStore {
    package func open(
        _ grant: GrantRecord, refreshToken: SecretDigest?, at now: Timestamp
    ) async throws(StoreError) -> GrantOpening {
        withState { state in
            let now = state.effective(now)
            guard grant.user.isServiceAccount || state.isOpen(grant.user) else { return .noSuchUser }
            state.open(grant, refreshToken: refreshToken, at: now)
            return .opened
        }
    }

    package func grant(_ id: GrantID) async throws(StoreError) -> GrantRecord? {
        withState { $0.grants[id]?.record }
    }

    package func grants(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantRecord] {
        withState { state in
            let now = state.effective(now)
            return state.grants.values
                .filter { $0.record.user == user && $0.record.revokedAt == nil && now < $0.record.expiresAt }
                .sorted { ($0.record.grantedAt, $0.order) > ($1.record.grantedAt, $1.order) }
                .map(\.record)
        }
    }

    package func grants(
        of user: UserID?, to client: ClientID?, limit: Int, at now: Timestamp
    ) async throws(StoreError) -> [GrantRecord] {
        withState { state in
            let now = state.effective(now)
            let live = state.grants.values.filter { $0.record.revokedAt == nil && now < $0.record.expiresAt }
            let wanted = live.filter {
                (user == nil || $0.record.user == user) && (client == nil || $0.record.client == client)
            }
            return wanted.sorted { ($0.record.grantedAt, $0.order) > ($1.record.grantedAt, $1.order) }
                .prefix(limit).map(\.record)
        }
    }

    package func lastUses(of user: UserID, at now: Timestamp) async throws(StoreError) -> [GrantID: Timestamp] {
        withState { state in
            let now = state.effective(now)
            var uses: [GrantID: Timestamp] = [:]
            for token in state.refreshTokens.values {
                guard let grant = state.grants[token.grant]?.record, grant.user == user, grant.revokedAt == nil,
                    now < grant.expiresAt
                else { continue }
                uses[grant.id] = max(token.issuedAt, uses[grant.id] ?? token.issuedAt)
            }
            return uses
        }
    }

    package func revoke(
        _ id: GrantID, reason: RevocationReason, at now: Timestamp
    ) async throws(StoreError) -> GrantRevocation {
        withState { state in
            let now = state.effective(now)
            return state.revoke(id, at: now)
        }
    }

    package func revokeAll(
        of user: UserID, reason: RevocationReason, at now: Timestamp
    ) async throws(StoreError) -> [GrantID] {
        withState { state in
            let now = state.effective(now)
            return state.revokeAll(of: user, at: now)
        }
    }
}

extension MemoryStore: RefreshTokenStore {
    package func refreshToken(
        _ id: SecretDigest
    ) async throws(StoreError) -> (token: RefreshTokenRecord, grant: GrantRecord)? {
        withState { state in
            guard let token = state.refreshTokens[id], let grant = state.grants[token.grant]?.record else { return nil }
            return (token, grant)
        }
    }

    package func rotate(
        _ id: SecretDigest, of client: ClientID, successor: SecretDigest, policy: RotationPolicy, at now: Timestamp
    ) async throws(StoreError) -> RefreshRotation {
        withState { state in
            let now = state.effective(now)
            guard let token = state.refreshTokens[id], let grant = state.grants[token.grant]?.record else {
                return .unknown
            }
            guard grant.client == client else { return .wrongClient }
            guard grant.revokedAt == nil else { return .revoked(grant.id) }
            guard now < grant.expiresAt else { return .expired }
            guard policy.permits(token, at: now) else {
                _ = state.revoke(grant.id, at: now)
                return .reused(grant.id)
            }
            state.refreshTokens[id]?.rotatedAt = token.rotatedAt ?? now
            state.refreshTokens[id]?.presentations += 1
            state.refreshTokens[successor] = RefreshTokenRecord(
                id: successor, grant: grant.id, generation: token.generation + 1, issuedAt: now)
            return .rotated(grant, withinGrace: token.rotatedAt != nil)
        }
    }
}

extension MemoryStore: RevocationFeed {
    package func revocations(after sequence: Int64, limit: Int) async throws(StoreError) -> [Revocation] {
        withState { state in Array(state.revocations.drop { $0.sequence <= sequence }.prefix(limit)) }
    }
}

// MARK: - Steps shared between verbs

extension MemoryStore.State {
    mutating func revoke(_ id: GrantID, at now: Timestamp) -> GrantRevocation {
        guard let grant = grants[id]?.record else { return .unknown }
        guard grant.revokedAt == nil else { return .alreadyRevoked }
        grants[id]?.record.revokedAt = now
        feed(id, at: now)
        return .revoked
    }

    /// Adds to the feed.
    mutating func feed(_ id: GrantID, at now: Timestamp) {
        lastSequence += 1
        revocations.append(Revocation(sequence: lastSequence, grant: id, revokedAt: now))
    }

    /// Stores a grant with the first refresh token of its family.
    mutating func open(_ grant: GrantRecord, refreshToken: SecretDigest?, at now: Timestamp) {
        grants[grant.id] = ordered(grant)
        guard let refreshToken else { return }
        refreshTokens[refreshToken] = RefreshTokenRecord(
            id: refreshToken, grant: grant.id, generation: 0, issuedAt: now)
    }

    mutating func revokeAll(of user: UserID, at now: Timestamp) -> [GrantID] {
        for (id, code) in codes where code.grant.user == user && code.redeemedAt == nil {
            codes[id]?.failures = AuthorizationCodeRecord.burnt
        }
        for (id, device) in devices where device.record.stage == .approved && device.record.grant?.user == user {
            devices[id]?.record.stage = .denied
        }
        let live = grants.values
            .filter { $0.record.user == user && $0.record.revokedAt == nil && now < $0.record.expiresAt }
            .sorted { $0.order < $1.order }
            .map(\.record.id)
        for id in live { _ = revoke(id, at: now) }
        return live
    }
}
