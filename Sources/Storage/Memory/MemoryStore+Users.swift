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
            case .profile(let email, let groups, let isAdministrator):
                state.users[id]?.email = email
                state.users[id]?.groups = groups
                state.users[id]?.isAdministrator = isAdministrator
                return .changed(revoked: [])
            case .enable:
                state.users[id]?.isDisabled = false
                return .changed(revoked: [])
            case .disable:
                state.users[id]?.isDisabled = true
                return .changed(revoked: state.endEverything(of: id, at: now))
            case .disown:
                state.forgetCredentials(of: id)
                return .changed(revoked: state.endEverything(of: id, at: now))
            case .remove:
                let ended = state.endEverything(of: id, at: now)
                state.identities = state.identities.filter { $0.value.user != id }
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

    package func sessions(
        of user: UserID?, lifetime: SessionLifetime, at now: Timestamp
    ) async throws(StoreError) -> [BrowserSession] {
        withState { state in
            let now = state.effective(now)
            return state.sessions.values
                .filter { (user == nil || $0.user == user) && lifetime.isLive($0, at: now) }
                .sorted { $0.lastSeenAt > $1.lastSeenAt }
        }
    }

    package func end(_ id: SecretDigest) async throws(StoreError) {
        withState { $0.sessions[id] = nil }
    }

    package func endSessions(of user: UserID?, except kept: SecretDigest?) async throws(StoreError) -> Int {
        withState { state in
            let before = state.sessions.count
            state.sessions = state.sessions.filter { (user != nil && $0.value.user != user) || $0.key == kept }
            return before - state.sessions.count
        }
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

    package func retire(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyRetirement {
        withState { state in
            let found = state.signingKeys.firstIndex { $0.id.utf8.elementsEqual(id.utf8) && $0.retiredAt == nil }
            guard let index = found else { return .unknown }
            let key = state.signingKeys[index]
            let canSign = state.trustedKeys.filter { $0.algorithm == key.algorithm && $0.signsFrom <= now }
            guard canSign.map(\.id) != [key.id] else { return .onlyKey }
            state.signingKeys[index].retiredAt = state.effective(now)
            state.signingKeys[index].sealedPrivateKey = []
            return .retired
        }
    }
}

extension MemoryStore: ExpirySweeper {
    package func sweep(at now: Timestamp, revocationsBefore: Timestamp) async throws(StoreError) -> Int {
        withState { $0.sweep(at: now, revocationsBefore: revocationsBefore) }
    }
}

extension MemoryStore.State {
    func user(named name: String) -> UserRecord? {
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
}
