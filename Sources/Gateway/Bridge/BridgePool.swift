import AsyncIO
import MCP
import OAuth
import Synchronization
import Telemetry

/// The right to use a session for one request, given back when nothing more can come of it.
final class BridgeLease: Sendable {
    let session: LegacySession
    private let release: Mutex<(@Sendable () -> Void)?>

    init(_ session: LegacySession, release: @escaping @Sendable () -> Void) {
        self.session = session
        self.release = Mutex(release)
    }

    deinit { giveBack() }

    func giveBack() {
        let release = release.withLock { release in
            defer { release = nil }
            return release
        }
        release?()
    }
}

/// The sessions that one legacy server has for modern clients, who know nothing of sessions: found by who asks and by what
/// can be asked back, because servers adapt to that (mcp.md B0.4).
///
/// A request whose client may be asked something has a session for itself while it runs: the server does not say for
/// whom it asks (B0.5). All others share. A lock, because the connections of a client may be on any loop.
final class BridgePool: Sendable {
    struct Key: Hashable {
        let principal: Principal
        let capabilities: ClientCapabilities
        /// JSON text of the extensions that it declares: servers offer by these, too.
        let extensions: [UInt8]?

        init(_ principal: Principal, _ envelope: ModernEnvelope) {
            self.principal = principal
            capabilities = envelope.capabilities
            extensions = envelope.extensions
        }
    }

    private struct Member {
        let session: LegacySession
        /// Whether any number of requests may use it at once: its server says itself for whom it asks.
        let isShared: Bool
        var isTaken: Bool
    }

    private struct Sessions {
        var members: [Member] = []
        var starting = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Requests that wait, also those that look again just now.
        var queue = 0
        var isUnused: Bool { members.isEmpty && starting == 0 && queue == 0 }
    }

    private struct State {
        var keys: [Key: Sessions] = [:]
        var lastWaiter = 0
        /// Counts what could let a waiter go on, so that none of it is missed between looking and waiting.
        var changes = 0
    }

    private enum Choice {
        case session(LegacySession)
        case start
        case wait(changes: Int)
    }

    /// Requests of one client that wait for a session of their own; beyond that they are refused at once (M10).
    private static let maximumQueue = 64
    /// How long they wait at most: nothing is sent meanwhile, and proxies give up after a minute.
    private static let patience = Duration.seconds(30)

    private let supervisor: ServerSupervisor
    private let directory: SessionDirectory
    private let maximum: Int
    private let state = Mutex(State())

    init(_ supervisor: ServerSupervisor, directory: SessionDirectory, maximum: Int) {
        self.supervisor = supervisor
        self.directory = directory
        self.maximum = maximum
    }

    /// A session for one request of `key`; waits while all that there may be are taken, but not for long: people who do
    /// not answer hold theirs for minutes.
    func lease(
        _ key: Key, isExclusive: Bool, _ envelope: ModernEnvelope, request: RequestID?
    ) async throws(BridgeRefusal) -> BridgeLease {
        let deadline = Deadline.after(min(supervisor.server.callTimeout, Self.patience))
        while !Task.isCancelled {
            switch choose(key, isExclusive: isExclusive) {
            case .session(let session): return lease(of: session, key, isExclusive: isExclusive)
            case .start:
                do throws(BridgeRefusal) {
                    let session = try await supervisor.begin(envelope, for: key.principal, request: request) {
                        [self] in forget($0, key)
                    }
                    started(session, key, isShared: await session.isRelay, isTaken: isExclusive)
                    return lease(of: session, key, isExclusive: isExclusive)
                } catch {
                    let changes = failed(key)
                    // Others of this client run: one of them will be free.
                    guard let changes, case .spawn(.userLimit) = error else { throw error }
                    try await wait(key, since: changes, until: deadline)
                }
            case .wait(let changes): try await wait(key, since: changes, until: deadline)
            }
        }
        throw .gone
    }

    private func lease(of session: LegacySession, _ key: Key, isExclusive: Bool) -> BridgeLease {
        BridgeLease(session) { [self] in if isExclusive { giveBack(session, key) } }
    }

    private func choose(_ key: Key, isExclusive: Bool) -> Choice {
        state.withLock { state in
            var sessions = state.keys[key] ?? Sessions()
            sessions.members.removeAll { !directory.contains($0.session) }
            defer { state.keys[key] = sessions }
            if let free = sessions.members.firstIndex(where: { !isExclusive || $0.isShared || !$0.isTaken }) {
                if isExclusive { sessions.members[free].isTaken = true }
                return .session(sessions.members[free].session)
            }
            let canStart =
                isExclusive ? sessions.members.count + sessions.starting < maximum : sessions.starting == 0
            guard canStart else { return .wait(changes: state.changes) }
            sessions.starting += 1
            return .start
        }
    }

    private func started(_ session: LegacySession, _ key: Key, isShared: Bool, isTaken: Bool) {
        change(key) {
            $0.starting -= 1
            $0.members.append(Member(session: session, isShared: isShared, isTaken: isTaken))
        }
    }

    /// Nil where nothing else of this key runs.
    private func failed(_ key: Key) -> Int? {
        change(key) { $0.starting -= 1 }
        return state.withLock { state in state.keys[key]?.members.isEmpty == false ? state.changes : nil }
    }

    private func giveBack(_ session: LegacySession, _ key: Key) {
        change(key) { sessions in
            guard let place = sessions.members.firstIndex(where: { $0.session === session }) else { return }
            sessions.members[place].isTaken = false
        }
    }

    private func forget(_ session: LegacySession, _ key: Key) {
        change(key) { $0.members.removeAll { $0.session === session } }
    }

    /// Everybody who waits looks again.
    private func change(_ key: Key, _ body: (inout Sessions) -> Void) {
        let waiting = state.withLock { state in
            var sessions = state.keys[key] ?? Sessions()
            body(&sessions)
            state.changes += 1
            let waiting = Array(sessions.waiters.values)
            sessions.waiters = [:]
            sessions.members.removeAll { !directory.contains($0.session) }
            state.keys[key] = sessions.isUnused ? nil : sessions
            return waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    private func wait(_ key: Key, since changes: Int, until deadline: Deadline) async throws(BridgeRefusal) {
        let isQueued = state.withLock { state in
            guard !deadline.hasPassed, state.keys[key]?.queue ?? 0 < Self.maximumQueue else { return false }
            state.keys[key, default: Sessions()].queue += 1
            return true
        }
        guard isQueued else { throw .busy }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.hold(key, since: changes) }
            // Cancelled when the other one is done.
            group.addTask { try? await EventLoop.pause(for: deadline.remaining) }
            await group.next()
            group.cancelAll()
        }
        state.withLock { $0.keys[key]?.queue -= 1 }
    }

    private func hold(_ key: Key, since changes: Int) async {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isHeld = state.withLock { state in
                    guard state.changes == changes, !Task.isCancelled else { return false }
                    state.keys[key, default: Sessions()].waiters[number] = continuation
                    return true
                }
                if !isHeld { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { $0.keys[key]?.waiters.removeValue(forKey: number) }
            continuation?.resume()
        }
    }
}

/// Why a modern request finds no session.
enum BridgeRefusal: Error {
    case spawn(SpawnRefusal)
    /// The server did not begin one; the error of its `initialize`, or ours about it.
    case server(JSONRPCMessage)
    /// All that this client may have are taken, by calls that wait for their people.
    case busy
    /// The client has gone.
    case gone
}
