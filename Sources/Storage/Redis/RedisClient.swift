import AsyncIO
import AuthorizationServer
import Crypto
import Synchronization
import Telemetry

/// The shared store as callers see it: one connection for each loop, and the rules for asking again.
final class RedisClient: Sendable {
    /// Commands that are asked again: once.
    private static let attempts = 2

    private let connections: [RedisConnection]
    let location: RedisLocation
    private let metrics = StoreMetrics()

    /// Begins to connect, on every loop.
    init(location: RedisLocation, loops: [EventLoop], logger: Logger) throws(TLSError) {
        self.location = location
        let dialer = try RedisDialer(location: location)
        connections = loops.map { RedisConnection(dialer: dialer, loop: $0, logger: logger) }
        for connection in connections { connection.supervise() }
    }

    /// Ends every connection; later calls fail as unavailable.
    func close() async {
        for connection in connections { await connection.close() }
    }

    /// Runs a script and returns the list that it returned.
    func run(_ script: RedisScript, _ arguments: [[UInt8]]) async throws(StoreError) -> RedisAnswer {
        let note = script.effect == .decision ? self.note() : nil
        let call = script.call(prefix: location.prefix, note: note, arguments: arguments)
        let isDurable = script.effect == .decision
        let reply = try await ask(script.effect == .none ? .read : .write) { connection in
            let result = await connection.perform(call, isDurable: isDurable)
            guard case .failure(.refused("NOSCRIPT", _)) = result else { return result }
            let evaluation = script.evaluation(prefix: self.location.prefix, note: note, arguments: arguments)
            return await connection.perform(evaluation, isDurable: isDurable)
        }
        guard let elements = reply.elements else { throw Self.unexpected }
        return RedisAnswer(elements: elements)
    }

    /// Sends a command that only reads.
    func read(_ command: [UInt8]) async throws(StoreError) -> RESPValue {
        try await ask(.read) { await $0.perform(command, isDurable: false) }
    }

    /// Asks, and notes how long it took and how it went.
    private func ask(
        _ operation: StoreMetrics.Operation,
        _ attempt: (RedisConnection) async -> Result<RESPValue, RedisFailure>
    ) async throws(StoreError) -> RESPValue {
        let start = EventLoop.preciseNow
        do throws(StoreError) {
            let reply = try await ask(attempt)
            metrics.note(operation, since: start, .success(reply))
            return reply
        } catch {
            metrics.note(operation, since: start, Result<RESPValue, StoreError>.failure(error))
            throw error
        }
    }

    /// Asks, and once more where nobody knows whether the first time counted (F10), or where another server took over.
    private func ask(
        _ attempt: (RedisConnection) async -> Result<RESPValue, RedisFailure>
    ) async throws(StoreError) -> RESPValue {
        var remaining = Self.attempts
        while true {
            remaining -= 1
            let connection = chosen
            switch await attempt(connection) {
            case .success(let reply): return reply
            case .failure(let failure):
                if case .refused("READONLY", _) = failure { await connection.reconnect() }
                guard remaining > 0, failure.mayBeAskedAgain else {
                    throw StoreError(failure.kind, detail: failure.detail)
                }
            }
        }
    }

    /// The connection of this loop, and for callers from elsewhere any; while that one is down, another that stands.
    private var chosen: RedisConnection {
        let loop = EventLoop.current
        let own = connections.first { $0.loop === loop } ?? connections[Int.random(in: connections.indices)]
        if own.isReady.load(ordering: .relaxed) { return own }
        return connections.first { $0.isReady.load(ordering: .relaxed) } ?? own
    }

    private func note() -> [UInt8] { Array("\(location.prefix)note:\(Base64URL.encode(Random.bytes(16)))".utf8) }

    private static var unexpected: StoreError {
        StoreError(.corrupt, detail: "redis: a script did not answer with a list")
    }
}

extension RedisFailure {
    fileprivate var mayBeAskedAgain: Bool {
        switch self {
        case .lost: true
        case .unreachable: false
        case .refused(let code, _): code == "READONLY"
        }
    }

    fileprivate var kind: StoreError.Code {
        switch self {
        case .refused("OOM", _): .full
        case .refused("WRONGTYPE", _): .corrupt
        case .lost, .unreachable, .refused: .unavailable
        }
    }
}
