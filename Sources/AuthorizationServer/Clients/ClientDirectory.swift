import OAuth

/// Every client there is: those of the configuration, and those that registered. The configuration wins, so nobody can
/// register over a client of the operator's.
struct ClientDirectory: Sendable {
    private let configured: [ClientID: RegisteredClient]
    private let store: any AuthorizationStore

    init(configured: [RegisteredClient], store: any AuthorizationStore) {
        self.configured = Dictionary(configured.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.store = store
    }

    /// The client with this identifier, compared as bytes; nil where there is none.
    func client(_ id: ClientID) async throws -> RegisteredClient? {
        if let client = configured[id] { return client }
        guard let record = try await store.client(id) else { return nil }
        return try RegisteredClient(record)
    }
}
