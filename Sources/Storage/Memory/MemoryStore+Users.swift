package import AuthorizationServer
package import OAuth
package import Telemetry

extension MemoryStore: UserStore {
    package func add(_ user: UserRecord, onlyIfFirst: Bool) async throws(StoreError) -> UserAddition {
        withState { state in
            if onlyIfFirst, !state.users.isEmpty { return .notFirst }
            guard state.user(named: user.name) == nil else { return .nameTaken }
            state.users[user.id] = user
            return .added
        }
    }

    package func user(named name: String) async throws(StoreError) -> UserRecord? {
        withState { $0.user(named: name) }
    }

    package func user(_ id: UserID) async throws(StoreError) -> UserRecord? {
        withState { $0.users[id] }
    }

    package func users() async throws(StoreError) -> [UserRecord] {
        withState { state in
            state.users.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        }
    }

    package func change(
        _ id: UserID, _ change: UserChange, at now: Timestamp
    ) async throws(StoreError) -> UserChangeOutcome {
        withState { state in
            let now = state.effective(now)
            guard state.users[id] != nil else { return .unknown }
            switch change {
            case .password(let hash):
                state.setPassword(hash, of: id, at: now)
                return .changed(revoked: [])
            case .enable:
                state.users[id]?.isDisabled = false
                return .changed(revoked: [])
            case .disable:
                state.users[id]?.isDisabled = true
                return .changed(revoked: state.endEverything(of: id, at: now))
            case .remove:
                let ended = state.endEverything(of: id, at: now)
                state.consents = state.consents.filter { $0.value.user != id }
                state.users[id] = nil
                return .changed(revoked: ended)
            }
        }
    }
}

extension MemoryStore: LoginFailureStore {
    package func loginFailures(_ key: SecretDigest) async throws(StoreError) -> LoginFailures {
        withState { $0.loginFailures[key] ?? LoginFailures() }
    }

    package func noteLoginFailure(
        _ key: SecretDigest, capacity: Int, at now: Timestamp
    ) async throws(StoreError) -> LoginFailures {
        withState { state in
            let now = state.effective(now)
            var failures = state.loginFailures[key] ?? LoginFailures()
            failures.count = min(failures.count + 1, 1_000_000)
            failures.lastAt = now
            state.loginFailures[key] = failures
            while state.loginFailures.count > max(1, capacity),
                let oldest = state.loginFailures.filter({ $0.key != key })
                    .min(by: { ($0.value.lastAt ?? now) < ($1.value.lastAt ?? now) })
            {
                state.loginFailures[oldest.key] = nil
            }
            return failures
        }
    }

    package func clearLoginFailures(_ key: SecretDigest) async throws(StoreError) {
        withState { $0.loginFailures[key] = nil }
    }
}

extension MemoryStore: OneTimeLinkStore {
    package func issue(_ link: OneTimeLink) async throws(StoreError) {
        withState { state in
            state.links = state.links.filter { $0.value.user != link.user || $0.value.usedAt != nil }
            state.links[link.id] = link
        }
    }

    package func link(_ id: SecretDigest) async throws(StoreError) -> OneTimeLink? {
        withState { $0.links[id] }
    }

    package func firstUse(
        of id: SecretDigest, settingPassword hash: String, at now: Timestamp
    ) async throws(StoreError) -> OneTimeLinkUse {
        withState { state in
            let now = state.effective(now)
            guard let link = state.links[id] else { return .unknown }
            guard link.usedAt == nil else { return .used }
            guard now < link.expiresAt else { return .expired }
            state.links[id]?.usedAt = now
            state.setPassword(hash, of: link.user, at: now)
            return .first(link.user)
        }
    }
}

extension MemoryStore: BrowserSessionStore {
    package func start(_ session: BrowserSession, replacing previous: SecretDigest?) async throws(StoreError) {
        withState { state in
            if let previous { state.sessions[previous] = nil }
            state.sessions[session.id] = session
        }
    }

    package func touch(
        _ id: SecretDigest, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> BrowserSession? {
        withState { state in
            let now = state.effective(now)
            guard let session = state.sessions[id] else { return nil }
            guard lifetime.isLive(session, at: now) else {
                state.sessions[id] = nil
                return nil
            }
            state.sessions[id]?.lastSeenAt = max(session.lastSeenAt, now)
            return state.sessions[id]
        }
    }

    package func end(_ id: SecretDigest) async throws(StoreError) {
        withState { $0.sessions[id] = nil }
    }
}

extension MemoryStore: SigningKeyStore {
    package func establish(_ initial: [SigningKeyRecord]) async throws(StoreError) -> [SigningKeyRecord] {
        withState { state in
            if state.signingKeys.isEmpty { state.signingKeys = initial }
            return state.trustedKeys
        }
    }

    package func signingKeys() async throws(StoreError) -> [SigningKeyRecord] {
        withState { $0.trustedKeys }
    }

    package func add(
        _ key: SigningKeyRecord, unlessCreatedAfter threshold: Timestamp?
    ) async throws(StoreError) -> Bool {
        withState { state in
            if let threshold {
                let same = state.trustedKeys.filter { $0.algorithm == key.algorithm }
                guard !same.contains(where: { $0.createdAt > threshold }) else { return false }
            }
            state.signingKeys.append(key)
            return true
        }
    }

    package func retire(_ id: String, at now: Timestamp) async throws(StoreError) {
        withState { state in
            let now = state.effective(now)
            for index in state.signingKeys.indices
            where state.signingKeys[index].id.utf8.elementsEqual(id.utf8) && state.signingKeys[index].retiredAt == nil {
                state.signingKeys[index].retiredAt = now
                state.signingKeys[index].sealedPrivateKey = []
            }
        }
    }
}

extension MemoryStore: ExpirySweeper {
    package func sweep(at now: Timestamp, revocationsBefore: Timestamp) async throws(StoreError) -> Int {
        withState { state in
            let now = state.effective(now)
            let before = state.rowCount
            state.transactions = state.transactions.filter { now < $0.value.record.expiresAt }
            state.codes = state.codes.filter { _, code in
                now < code.grant.expiresAt && (code.redeemedAt != nil || now < code.expiresAt)
            }
            state.links = state.links.filter { now < $0.value.expiresAt && $0.value.usedAt == nil }
            state.grants = state.grants.filter { now < $0.value.record.expiresAt }
            state.refreshTokens = state.refreshTokens.filter { state.grants[$0.value.grant] != nil }
            state.sessions = state.sessions.filter { now.milliseconds(since: $0.value.lastSeenAt) < 7_776_000_000 }
            state.revocations = state.revocations.filter { $0.revokedAt >= revocationsBefore }
            state.oneTimeUses = state.oneTimeUses.filter { now < $0.value }
            state.pushedRequests = state.pushedRequests.filter { now < $0.value.record.expiresAt }
            state.devices = state.devices.filter {
                now < ($0.value.record.grant?.expiresAt ?? $0.value.record.expiresAt)
            }
            state.apiKeys = state.apiKeys.filter { _, key in
                now.milliseconds(since: min(key.record.expiresAt, key.record.revokedAt ?? key.record.expiresAt))
                    < 7_776_000_000
            }
            return before - state.rowCount
        }
    }
}

extension MemoryStore.State {
    fileprivate func user(named name: String) -> UserRecord? {
        users.values.first { $0.name.utf8.elementsEqual(name.utf8) }
    }

    fileprivate mutating func setPassword(_ hash: String, of id: UserID, at now: Timestamp) {
        users[id]?.passwordHash = hash
        users[id]?.passwordChangedAt = now
        sessions = sessions.filter { $0.value.user != id }
    }

    fileprivate mutating func endEverything(of id: UserID, at now: Timestamp) -> [GrantID] {
        sessions = sessions.filter { $0.value.user != id }
        links = links.filter { $0.value.user != id }
        return revokeAll(of: id, at: now) + revokeAPIKeys(of: id, at: now)
    }

    fileprivate var trustedKeys: [SigningKeyRecord] {
        signingKeys.filter { $0.retiredAt == nil }.sorted { $0.createdAt < $1.createdAt }
    }

    /// Rows that a sweep may remove; tokens go with their grants and are not counted, as SQLite's cascade is not.
    fileprivate var rowCount: Int {
        transactions.count + codes.count + links.count + grants.count + sessions.count + revocations.count
            + oneTimeUses.count + pushedRequests.count + devices.count + apiKeys.count
    }
}
