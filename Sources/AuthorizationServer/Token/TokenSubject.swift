import OAuth

/// On whose behalf a token speaks, as its claims say it.
struct TokenSubject {
    /// `sub`.
    let id: UserID
    let name: String
    let email: String?
    let groups: [String]
    /// What an identity provider said that the access policy looks at.
    let claims: [String: [String]]

    /// They travel in every access token: together no more than this.
    private static let maximumClaimBytes = 4096

    /// A user, with what is known now: a group that was taken away is not in the next token.
    init(_ user: UserRecord, in store: any IdentityStore) async throws(StoreError) {
        id = user.id
        name = user.shownName
        email = user.email
        groups = user.groups
        claims = try await Self.claims(of: user, in: store)
    }

    /// A client that acts for itself.
    init(_ client: RegisteredClient) {
        id = UserID(serviceAccount: client.id)
        name = client.displayName
        email = nil
        groups = []
        claims = [:]
    }

    /// What the provider of `user` said last.
    static func claims(of user: UserRecord, in store: any IdentityStore) async throws(StoreError) -> [String: [String]]
    {
        guard user.isFederated, let record = try await store.identity(of: user.id) else { return [:] }
        var room = maximumClaimBytes
        return try ProviderIdentity.parse(record.attributes).claims.mapValues { values in
            values.filter { value in
                room -= value.utf8.count + 3
                return room >= 0
            }
        }
    }
}
