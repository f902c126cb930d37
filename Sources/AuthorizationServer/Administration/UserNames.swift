import OAuth

/// The names of all accounts, for listings that show who something belongs to.
struct UserNames {
    private let names: [UserID: String]

    /// Reads them.
    init(_ store: any AuthorizationStore) async throws(StoreError) {
        var names: [UserID: String] = [:]
        for user in try await store.users() { names[user.id] = user.name }
        self.names = names
    }

    /// The name, or the identifier where there is no account any more.
    subscript(id: UserID) -> String { names[id] ?? id.value }

    /// The account with this name; nil for nil. Names are compared as bytes.
    func id<Refusal: Error>(of name: String?, orThrow refusal: (String) -> Refusal) throws(Refusal) -> UserID? {
        guard let name else { return nil }
        guard let id = names.first(where: { $0.value.utf8.elementsEqual(name.utf8) })?.key else { throw refusal(name) }
        return id
    }
}
