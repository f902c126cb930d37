import AsyncIO
import OAuth

/// Every client there is: those of the configuration, those that registered, and those that describe themselves at their own
/// address. The first that knows an identifier wins, so nobody can register or publish over a client of the operator's.
struct ClientDirectory: Sendable {
    private let configured: [ClientID: RegisteredClient]
    private let store: any AuthorizationStore
    private let documents: ClientDocuments?

    init(configured: [RegisteredClient], store: any AuthorizationStore, documents: ClientDocuments? = nil) {
        self.configured = Dictionary(configured.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.store = store
        self.documents = documents
    }

    /// Whether a client may be an address.
    var acceptsDocuments: Bool { documents != nil }

    /// The client with this identifier, compared as bytes; nil where there is none. `address` is whose request asks: it
    /// pays for documents that have to be fetched. Throws `PeerDocumentError` where there should be one and it cannot be had.
    func client(_ id: ClientID, for address: SocketAddress? = nil) async throws -> RegisteredClient? {
        if let client = configured[id] { return client }
        if let record = try await store.client(id) { return try RegisteredClient(record) }
        return try await documents?.client(id, for: address)
    }

    /// The same for a page that shows it: a client that describes itself is what its document said when it was last read,
    /// and nil where that is not remembered.
    func known(_ id: ClientID) async throws(StoreError) -> RegisteredClient? {
        if let client = configured[id] { return client }
        if let record = try await store.client(id) { return try RegisteredClient(record) }
        return documents?.remembered(id)
    }
}
