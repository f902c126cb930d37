import AsyncIO
import AuthorizationServer
import Crypto
import Storage
import Telemetry

/// The store that the configuration names, opened, and the key that seals what it holds: for `serve` and for every command.
struct OpenedStore: Sendable {
    private enum Backend: Sendable {
        case sqlite(SQLiteStore)
        case redis(RedisStore, EventLoop)
    }

    private let backend: Backend
    /// The key that seals signing keys.
    let sealing: SealingKey

    /// Opens it; blocking. A shared store is connected to on `loops`, of which there is at least one.
    static func open(_ configuration: Configuration, on loops: [EventLoop]) throws(CommandFailure) -> OpenedStore {
        guard let location = configuration.redis else {
            let state = try DataDirectory.opened(configuration.dataDirectory)
            return OpenedStore(backend: .sqlite(state.store), sealing: state.sealing)
        }
        let sealing = try sealingKey(configuration)
        do throws(TLSError) {
            let store = try RedisStore(location: location, loops: loops, logger: Logger(label: "redis"))
            return OpenedStore(backend: .redis(store, loops[0]), sealing: sealing)
        } catch {
            throw CommandFailure(code: .configuration, message: "storage: \(error)")
        }
    }

    /// The same for a command beside the gateway, which must find a store that is there already unless `isNewAllowed`.
    static func open(
        _ configuration: Configuration, on loop: EventLoop, isNewAllowed: Bool
    ) throws(CommandFailure) -> OpenedStore {
        guard configuration.storage != .memory else {
            throw CommandFailure(
                code: .configuration, message: "with storage: memory there is nothing to administer from outside")
        }
        try StorePlace(configuration).check(isNewAllowed: isNewAllowed)
        return try open(configuration, on: [loop])
    }

    private static func sealingKey(_ configuration: Configuration) throws(CommandFailure) -> SealingKey {
        do throws(DatabaseOpeningError) {
            if let key = configuration.sealingKey {
                // The audit trail and the folders of servers are in there, whoever keeps the key.
                try DataDirectory.makeFolder(configuration.dataDirectory)
                return key
            }
            return try DataDirectory.openKey(configuration.dataDirectory)
        } catch {
            throw CommandFailure(code: .cannotCreate, message: "\(error.path): \(error.problem)", hint: error.advice)
        }
    }

    /// The store.
    var store: any AuthorizationStore {
        switch backend {
        case .sqlite(let store): store
        case .redis(let store, _): store
        }
    }

    /// The latest time that the store has been given, in this life of the program or an earlier one.
    func highWaterMark() async throws(StoreError) -> Timestamp {
        switch backend {
        case .sqlite(let store): try await store.highWaterMark()
        case .redis(let store, _): try await store.highWaterMark()
        }
    }

    /// How an operator sets that time back, after it was wrong.
    var clockAdvice: String {
        switch backend {
        case .sqlite: "sqlite3 \(DataDirectory.storeName) 'UPDATE clock SET mark = 0'"
        case .redis(let store, _): "redis-cli DEL \(store.clockKey), and restart every gateway"
        }
    }

    /// What an operator should know about how a shared store keeps what it acknowledges.
    func weaknesses() async throws(StoreError) -> [String] {
        switch backend {
        case .sqlite: []
        case .redis(let store, _): try await store.weaknesses()
        }
    }

    /// Finishes what is queued and closes it; blocking, and not on a loop.
    func close() {
        switch backend {
        case .sqlite(let store): store.close()
        case .redis(let store, let loop): Lifecycle.run(on: loop) { await store.close() }
        }
    }
}
