package import AuthorizationServer
package import OAuth
package import Telemetry

extension MemoryStore: IdentityStore {
    package func signIn(
        _ identity: IdentityRecord, proposing proposed: UserRecord
    ) async throws(StoreError) -> IdentitySignIn {
        withState { state in
            if let known = state.identities[identity.id], state.users[known.user] != nil {
                state.update(known.user, identity, proposed)
                return state.users[known.user].map { .account($0) } ?? .nameTaken
            }
            guard state.user(named: proposed.name) == nil else { return .nameTaken }
            var identity = identity
            identity.user = proposed.id
            state.users[proposed.id] = proposed
            state.identities[identity.id] = identity
            return .account(proposed)
        }
    }

    package func confirm(
        _ identity: IdentityRecord, updating account: UserRecord
    ) async throws(StoreError) -> Bool {
        withState { state in
            guard let known = state.identities[identity.id], known.user == identity.user,
                state.users[known.user] != nil
            else { return false }
            state.update(known.user, identity, account)
            return true
        }
    }

    package func identity(_ id: SecretDigest) async throws(StoreError) -> IdentityRecord? {
        withState { $0.identities[id] }
    }

    package func identity(of user: UserID) async throws(StoreError) -> IdentityRecord? {
        withState { $0.identities.values.first { $0.user == user } }
    }

    package func identities() async throws(StoreError) -> [IdentityRecord] {
        withState { state in
            state.identities.values.sorted { $0.id.bytes.lexicographicallyPrecedes($1.id.bytes) }
        }
    }

    package func takeTurn(
        toAskAbout user: UserID, ifAskedBefore threshold: Timestamp, at now: Timestamp
    ) async throws(StoreError) -> IdentityRecord? {
        withState { state in
            let now = state.effective(now)
            guard var identity = state.identities.values.first(where: { $0.user == user }),
                identity.askedAt < threshold
            else { return nil }
            identity.askedAt = now
            state.identities[identity.id] = identity
            return identity
        }
    }
}

extension MemoryStore.State {
    fileprivate mutating func update(_ user: UserID, _ identity: IdentityRecord, _ account: UserRecord) {
        var identity = identity
        identity.user = user
        identity.sealedCredential = identity.sealedCredential ?? identities[identity.id]?.sealedCredential
        identities[identity.id] = identity
        users[user]?.displayName = account.displayName
        users[user]?.email = account.email
        users[user]?.groups = account.groups
    }

    /// Nobody is asked about the user again until the next login.
    mutating func forgetCredentials(of user: UserID) {
        for (id, identity) in identities where identity.user == user { identities[id]?.sealedCredential = nil }
    }
}
