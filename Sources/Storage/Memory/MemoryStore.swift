package import AuthorizationServer
package import OAuth
import Synchronization
package import Telemetry

/// Every store of the authorization server in the memory of this process: for tests and for trying things out.
///
/// One `Mutex` over one value: each verb is a short synchronous function of `State`, so each is atomic.
package final class MemoryStore: Sendable {
    /// Everything that is stored. Names are keyed by their bytes: `String ==` would fold two names into one (S01).
    struct State: Sendable {
        var mark = Timestamp(millisecondsSinceEpoch: .min)
        var order = 0
        var clients: [ClientID: ClientRecord] = [:]
        /// Registration tokens that are good until the current one is presented.
        var previousRegistrations: [ClientID: SecretDigest] = [:]
        var transactions: [SecretDigest: Ordered<AuthorizationTransaction>] = [:]
        var codes: [SecretDigest: AuthorizationCodeRecord] = [:]
        var grants: [GrantID: Ordered<GrantRecord>] = [:]
        var refreshTokens: [SecretDigest: RefreshTokenRecord] = [:]
        var revocations: [Revocation] = []
        var lastSequence: Int64 = 0
        var users: [UserID: UserRecord] = [:]
        var loginFailures: [SecretDigest: LoginFailures] = [:]
        var links: [SecretDigest: OneTimeLink] = [:]
        var sessions: [SecretDigest: BrowserSession] = [:]
        var consents: [SecretDigest: ConsentRecord] = [:]
        var signingKeys: [SigningKeyRecord] = []
        var oneTimeUses: [SecretDigest: Timestamp] = [:]
        var pushedRequests: [SecretDigest: Ordered<PushedRequest>] = [:]
        var devices: [SecretDigest: Ordered<DeviceAuthorization>] = [:]
        var apiKeys: [GrantID: Ordered<APIKeyRecord>] = [:]
        var identities: [SecretDigest: IdentityRecord] = [:]
        var toolPins: [[UInt8]: [[UInt8]: ToolPin]] = [:]
        var toolPinRevision: Int64 = 0

        /// The later of `now` and the latest time this store has been given (S03).
        mutating func effective(_ now: Timestamp) -> Timestamp {
            mark = max(mark, now)
            return mark
        }

        /// Wraps a record with its place in the order of insertion.
        mutating func ordered<Record>(_ record: Record) -> Ordered<Record> {
            order += 1
            return Ordered(record: record, order: order)
        }
    }

    /// A record with its place in the order of insertion, which breaks ties between equal times.
    struct Ordered<Record: Sendable>: Sendable {
        var record: Record
        let order: Int
    }

    private let state = Mutex(State())

    /// An empty store.
    package init() {}

    func withState<T: Sendable>(_ body: (inout State) -> T) -> T {
        state.withLock { state in body(&state) }
    }
}

extension MemoryStore: ClientStore {
    package func register(
        _ client: ClientRecord, capacity: Int, evictableBefore: Timestamp
    ) async throws(StoreError) -> ClientRegistrationOutcome {
        withState { state in
            if state.clients.count >= capacity {
                let oldest = state.clients.values
                    .filter { $0.lastUsedAt == nil && $0.registeredAt < evictableBefore && !$0.isManaged }
                    .min { $0.registeredAt < $1.registeredAt }
                guard let oldest else { return .full }
                state.clients[oldest.id] = nil
            }
            state.clients[client.id] = client
            return .registered
        }
    }

    package func client(_ id: ClientID) async throws(StoreError) -> ClientRecord? {
        withState { $0.clients[id] }
    }

    package func markUsed(_ id: ClientID, at now: Timestamp) async throws(StoreError) {
        withState { state in
            let now = state.effective(now)
            state.clients[id]?.lastUsedAt = now
        }
    }

    package func removeClients(neverUsedBefore: Timestamp, idleBefore: Timestamp) async throws(StoreError) -> Int {
        withState { $0.removeClients(neverUsedBefore: neverUsedBefore, idleBefore: idleBefore) }
    }
}

extension MemoryStore.State {
    /// `ClientStore.removeClients`.
    mutating func removeClients(neverUsedBefore: Timestamp, idleBefore: Timestamp) -> Int {
        let mark = mark
        let busy = Set(
            grants.values.filter { $0.record.revokedAt == nil && mark < $0.record.expiresAt }
                .map(\.record.client))
        let gone = clients.values.filter { client in
            guard !client.isManaged else { return false }
            guard let lastUsedAt = client.lastUsedAt else { return client.registeredAt < neverUsedBefore }
            return lastUsedAt < idleBefore && !busy.contains(client.id)
        }
        for client in gone {
            clients[client.id] = nil
            previousRegistrations[client.id] = nil
        }
        return gone.count
    }
}

extension MemoryStore: AuthorizationTransactionStore {
    package func begin(_ transaction: AuthorizationTransaction, capacity: Int) async throws(StoreError) {
        withState { state in
            while state.transactions.count >= max(1, capacity),
                let oldest = state.transactions.min(by: {
                    ($0.value.record.beganAt, $0.value.order) < ($1.value.record.beganAt, $1.value.order)
                })
            {
                state.transactions[oldest.key] = nil
            }
            state.transactions[transaction.id] = state.ordered(transaction)
        }
    }

    package func transaction(_ id: SecretDigest) async throws(StoreError) -> AuthorizationTransaction? {
        withState { $0.transactions[id]?.record }
    }

    package func advance(
        _ id: SecretDigest, browser: SecretDigest, from stage: AuthorizationTransaction.Stage,
        to next: AuthorizationTransaction.Stage, user: UserID?, at now: Timestamp
    ) async throws(StoreError) -> TransactionAdvance {
        withState { state in
            let now = state.effective(now)
            guard var transaction = state.transactions[id]?.record else { return .unknown }
            guard transaction.browser == browser else { return .wrongBrowser }
            guard transaction.stage == stage else { return .wrongStage(transaction.stage) }
            guard now < transaction.expiresAt else { return .expired }
            transaction.stage = next
            transaction.user = user ?? transaction.user
            state.transactions[id]?.record = transaction
            return .advanced(transaction)
        }
    }
}

extension MemoryStore: ConsentStore {
    package func remember(_ consent: ConsentRecord) async throws(StoreError) {
        withState { state in
            var consent = consent
            consent.givenAt = max(consent.givenAt, state.consents[consent.id]?.givenAt ?? consent.givenAt)
            state.consents[consent.id] = consent
        }
    }

    package func isRemembered(_ id: SecretDigest, notBefore: Timestamp) async throws(StoreError) -> Bool {
        withState { state in state.consents[id].map { $0.givenAt > notBefore } ?? false }
    }

    package func forgetConsents(of user: UserID, to client: ClientID) async throws(StoreError) {
        withState { state in
            state.consents = state.consents.filter { $0.value.user != user || $0.value.client != client }
        }
    }
}
