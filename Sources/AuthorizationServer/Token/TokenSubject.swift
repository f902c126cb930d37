import OAuth

/// On whose behalf a token speaks, as its claims say it.
struct TokenSubject {
    /// `sub`.
    let id: UserID
    let name: String
    let email: String?
    let groups: [String]

    /// A user.
    init(_ user: UserRecord) {
        id = user.id
        name = user.shownName
        email = user.email
        groups = user.groups
    }

    /// A client that acts for itself.
    init(_ client: RegisteredClient) {
        id = UserID(serviceAccount: client.id)
        name = client.displayName
        email = nil
        groups = []
    }
}
