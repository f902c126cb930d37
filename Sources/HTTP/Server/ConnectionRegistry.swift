import AsyncIO
import Synchronization

/// A connection and the task that lives its life.
final class ConnectionHandle: Sendable {
    let connection: HTTPConnection
    let address: IPAddress?
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ connection: HTTPConnection, address: IPAddress?) {
        self.connection = connection
        self.address = address
    }

    /// Takes the task; when the one before it was cancelled this one is too.
    func hold(_ task: Task<Void, Never>) {
        self.task.withLock { held in
            if held?.isCancelled == true { task.cancel() }
            held = task
        }
    }

    /// Lets go of the task, which holds this handle.
    func release() {
        task.withLock { $0 = nil }
    }

    func cancel() {
        task.withLock { $0 }?.cancel()
    }
}

/// The open connections of a server: counted, bounded and found again when it drains.
///
/// A `Mutex` because all loops use it, when connections begin and end, never for a request.
final class ConnectionRegistry: Sendable {
    private struct State {
        var handles: [ObjectIdentifier: ConnectionHandle] = [:]
        var reserved = 0
        var byAddress: [IPAddress: Int] = [:]
        var isDraining = false
    }

    private let state = Mutex(State())
    private let maximum: Int
    private let maximumPerAddress: Int?

    init(_ configuration: HTTPServerConfiguration) {
        maximum = configuration.maximumConnections
        maximumPerAddress = configuration.maximumConnectionsPerAddress
    }

    /// Takes a place; false when there is none.
    func reserve(_ address: IPAddress?) -> Bool {
        let key = address.map(Self.group)
        return state.withLock { state in
            guard !state.isDraining, state.reserved < maximum else { return false }
            if let maximumPerAddress, let key {
                guard state.byAddress[key, default: 0] < maximumPerAddress else { return false }
                state.byAddress[key, default: 0] += 1
            }
            state.reserved += 1
            return true
        }
    }

    /// False when it slipped in between: the drain has not seen it.
    func add(_ handle: ConnectionHandle) -> Bool {
        state.withLock { state in
            state.handles[ObjectIdentifier(handle)] = handle
            return !state.isDraining
        }
    }

    /// Gives the place back.
    func remove(_ handle: ConnectionHandle) {
        let key = handle.address.map(Self.group)
        state.withLock { state in
            state.handles[ObjectIdentifier(handle)] = nil
            state.reserved -= 1
            guard maximumPerAddress != nil, let key, let count = state.byAddress[key] else { return }
            state.byAddress[key] = count > 1 ? count - 1 : nil
        }
    }

    /// Refuses new connections from now on.
    func startDraining() -> [ConnectionHandle] {
        state.withLock { state in
            state.isDraining = true
            return Array(state.handles.values)
        }
    }

    var all: [ConnectionHandle] { state.withLock { Array($0.handles.values) } }

    var count: Int { state.withLock { $0.reserved } }

    /// One customer has a whole /64 of IPv6.
    private static func group(_ address: IPAddress) -> IPAddress {
        switch address {
        case .v4: address
        case .v6(let high, _): .v6(high: high, low: 0)
        }
    }
}
