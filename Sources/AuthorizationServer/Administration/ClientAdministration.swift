import Crypto
import JSON
package import OAuth
package import Telemetry

/// What an administrator does with clients: those that registered, those that an operator added, those of the configuration.
/// A running gateway sees a change with the next request, and hears of ended grants by the revocation feed.
package struct ClientAdministration: Sendable {
    /// What cannot be done, in words for the administrator.
    package enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        case unknownClient(String)
        case idTaken(String)
        case isConfigured(String)

        package var description: String {
            switch self {
            case .unknownClient(let id): "there is no client \(id)"
            case .idTaken(let id): "there is a client \(id) already"
            case .isConfigured(let id): "\(id) stands in oauth.clients of the configuration; remove it there"
            }
        }
    }

    /// A client as an administrator sees it; never with a secret.
    package struct Entry: Sendable {
        package let client: RegisteredClient
        /// How it is stored; nil for clients of the configuration.
        package let record: ClientRecord?
    }

    private static let batch = 1000

    private let store: any AuthorizationStore
    private let configured: [RegisteredClient]
    private let clock: WallClock
    private let audit: any AuditLog

    /// Creates the operations over a store; `configured` are the clients of the configuration.
    package init(
        store: any AuthorizationStore, configured: [RegisteredClient], clock: WallClock, audit: any AuditLog
    ) {
        self.store = store
        self.configured = configured
        self.clock = clock
        self.audit = audit
    }

    /// Every client: the configuration's first, then the others by age.
    package func list() async throws -> [Entry] {
        var records: [ClientRecord] = []
        var last: ClientID?
        while true {
            let page = try await store.clients(after: last, limit: Self.batch)
            records += page
            guard page.count == Self.batch, let end = page.last else { break }
            last = end.id
        }
        records.sort { $0.registeredAt < $1.registeredAt }
        return configured.map { Entry(client: $0, record: nil) }
            + (try records.map { Entry(client: try RegisteredClient($0), record: $0) })
    }

    /// One client, with the grants that it has.
    package func find(_ id: String) async throws -> (entry: Entry, grants: [GrantRecord]) {
        let id = ClientID(id)
        let grants = try await store.grants(of: nil, to: id, limit: Self.batch, at: clock.now())
        if let client = configured.first(where: { $0.id == id }) {
            return (Entry(client: client, record: nil), grants)
        }
        guard let record = try await store.client(id) else { throw Refusal.unknownClient(id.value) }
        return (Entry(client: try RegisteredClient(record), record: record), grants)
    }

    /// Adds a client that is kept until it is removed; returns it with its secret, when it needs one.
    package func add(
        id: String?, metadata: ClientMetadata, isFirstParty: Bool, resources: [String]?
    ) async throws -> (entry: Entry, secret: String?) {
        let id = ClientID(id ?? Random.token("client_"))
        let isTaken = try await store.client(id) != nil
        guard !isTaken, !configured.contains(where: { $0.id == id }) else { throw Refusal.idTaken(id.value) }
        let secret = metadata.tokenEndpointAuthMethod.usesSecret ? IssuedSecret.make(.clientSecret) : nil
        let record = ClientRecord(
            id: id, metadata: metadata.json().serialized(), secretDigest: secret?.digest, isManaged: true,
            isFirstParty: isFirstParty, resources: resources, registeredAt: clock.now())
        // The limit is for strangers; an operator may have one more.
        _ = try await store.register(record, capacity: .max, evictableBefore: clock.now())
        note(.clientRegistered, id, [("by", "command")])
        return (Entry(client: try RegisteredClient(record), record: record), secret?.text)
    }

    /// Removes a client with everything that users allowed it; returns how many grants ended.
    package func remove(_ id: String) async throws -> Int {
        let id = ClientID(id)
        guard let ended = try await store.removeClient(id, presenting: nil, at: clock.now()) else {
            throw configured.contains { $0.id == id } ? Refusal.isConfigured(id.value) : .unknownClient(id.value)
        }
        note(.clientRemoved, id, [("by", "command"), ("grants", String(ended.count))])
        return ended.count
    }

    private func note(_ action: AuditAction, _ id: ClientID, _ detail: [(String, String)]) {
        audit.record(AuditEvent(time: clock.now(), action: action, client: id.value, detail: detail))
    }
}
