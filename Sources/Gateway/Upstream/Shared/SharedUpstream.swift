import AsyncIO
import MCP
import OAuth
import Synchronization
import Telemetry

/// A server that sessions share: all of them (`isolation: shared`), or those of one user (`isolation: user`).
///
/// `SharedUpstreamSupervisor` sees to it that one that is to stand ready does.
final class SharedUpstream: Upstream {
    private struct State {
        var servers: [SharedServer.Audience: SharedServer] = [:]
        var isStopped = false
        /// Waits until the one that everybody shares has ended.
        var watcher: CheckedContinuation<Void, Never>?
        var keeper: Task<Void, Never>?
    }

    private static let attempts = 3

    let server: ServerDefinition
    /// Where the one that stands ready lives.
    let loop: EventLoop
    let backoff = StartBackoff()
    let starts: StartRecord
    private let upstream: any Upstream
    private let limits: GatewayLimits
    private let slots: ProcessSlots
    private let discarded: Counter
    private let state = Mutex(State())

    init(
        _ upstream: any Upstream, _ server: ServerDefinition, _ configuration: GatewayConfiguration,
        _ slots: ProcessSlots, _ starts: StartRecord, on loop: EventLoop
    ) {
        self.upstream = upstream
        self.server = server
        self.slots = slots
        self.starts = starts
        self.loop = loop
        limits = configuration.limits
        discarded = ServerMetrics.discardedLines(of: server.name, in: configuration.metrics)
    }

    func begin() async {
        state.withLock { state in
            guard server.standsReady, !state.isStopped, state.keeper == nil else { return }
            state.keeper = keep()
        }
    }

    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        let audience = audience(of: principal)
        for _ in 0..<Self.attempts {
            guard let server = current(audience, on: loop) else {
                guard await makeRoom() else { throw .capacity }
                continue
            }
            if try await server.ready(upstream, for: principal) {
                return { SharedConnection(server, for: principal.user, on: loop) }
            }
        }
        throw .failed("it ends as soon as it is started")
    }

    private func audience(of principal: Principal) -> SharedServer.Audience {
        server.isolation == .user ? .user(principal.user) : .everybody
    }

    func isUsed(for principal: Principal) -> Bool {
        let audience = audience(of: principal)
        return state.withLock { $0.servers[audience] != nil }
    }

    func endUnused(for principal: Principal) async {
        let audience = audience(of: principal)
        guard let server = state.withLock({ $0.servers[audience] }), await server.endIfUnused() else { return }
        await server.stop()
    }

    func stop() async {
        let (running, keeper) = state.withLock { state in
            defer { state.servers = [:] }
            state.isStopped = true
            return (Array(state.servers.values), state.keeper)
        }
        keeper?.cancel()
        wakeWatcher()
        for server in running { await server.stop() }
        await keeper?.value
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Waits until the one that everybody shares has ended.
    func untilEnded() async {
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state in
                guard !state.isStopped, state.servers[.everybody] != nil else { return false }
                state.watcher = continuation
                return true
            }
            if !isRunning { continuation.resume() }
        }
    }

    private func wakeWatcher() {
        let watcher = state.withLock { state in
            defer { state.watcher = nil }
            return state.watcher
        }
        watcher?.resume()
    }

    /// The one that runs, or a new one on `loop`; nil where there are as many as there may be (P05).
    private func current(_ audience: SharedServer.Audience, on loop: EventLoop) -> SharedServer? {
        state.withLock { state in
            if let server = state.servers[audience] { return server }
            guard !state.isStopped, state.servers.count < server.maximumSessions, slots.takeShared() else { return nil }
            let server = SharedServer(server, for: audience, limits: limits, discarded: discarded, on: loop) {
                [weak self] in
                self?.forget($0)
            } whenGone: { [slots] in
                slots.giveBackShared()
            }
            state.servers[audience] = server
            return server
        }
    }

    /// Ends one that nobody uses; whether there was one.
    private func makeRoom() async -> Bool {
        for server in state.withLock({ Array($0.servers.values) }) where await server.endIfUnused() {
            await server.stop()
            return true
        }
        return false
    }

    private func forget(_ server: SharedServer) {
        state.withLock { state in
            if state.servers[server.audience] === server { state.servers[server.audience] = nil }
        }
        if server.audience == .everybody { wakeWatcher() }
    }
}
