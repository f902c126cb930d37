import AsyncIO
import JSON
import MCP
import OAuth
import Synchronization
import Telemetry

/// Begins the sessions of one server, within its bounds.
final class ServerSupervisor: Sendable {
    let server: ServerDefinition
    /// The names of the servers behind it, where it is several.
    private let members: [String]?
    let upstream: any Upstream
    let slots: ProcessSlots
    private let quotas: PrincipalQuotas
    let surroundings: LegacySession.Surroundings
    private let backoff = StartBackoff()
    let starts: StartRecord
    private let limitMetrics: LimitMetrics
    /// Whether somebody finds out just now whether it works.
    let isProbed = Atomic<Bool>(false)
    /// Whether another configuration has taken its place.
    private let retired = Atomic<Bool>(false)
    private let begun = Mutex<[SessionID: LegacySession]>([:])
    private let loops: EventLoopGroup
    let metrics: ServerMetrics

    init(
        _ server: ServerDefinition, _ upstream: any Upstream, members: [String]? = nil, slots: ProcessSlots,
        quotas: PrincipalQuotas, surroundings: LegacySession.Surroundings, metrics: MetricsRegistry,
        starts: StartRecord, loops: EventLoopGroup
    ) {
        self.server = server
        self.upstream = upstream
        self.members = members
        self.slots = slots
        self.quotas = quotas
        self.surroundings = surroundings
        self.loops = loops
        self.starts = starts
        limitMetrics = LimitMetrics(in: metrics)
        self.metrics = ServerMetrics(server: server.name, in: metrics)
    }

    /// Begins a session: connects to the server and lets it answer `initialize`.
    ///
    /// The session is nil where the server did not begin one; the outcome says to the client why. `record` is that of the
    /// request.
    func begin(
        _ initialize: JSONRPCMessage, for principal: Principal, record: CallRecord
    ) async throws(SpawnRefusal) -> (session: LegacySession?, outcome: CallOutcome) {
        guard let session = try await open(for: principal, client: .streamableHTTP, request: record.requestID) else {
            return (nil, .message(cannotStart.response(to: initialize.exactID)))
        }
        let outcome = await session.accept(initialize, for: principal, record: record)
        return await settle(session, outcome)
    }

    /// A session that is connected and has been told nothing; nil where the server cannot be reached. `request` is the one
    /// for which it begins; `isOurs` says that it is nobody's: no policy keeps it from beginning, and it takes no place of another.
    func open(
        for principal: Principal, client: LegacySession.ClientKind, request: RequestID?, isOurs: Bool = false,
        ended: @escaping @Sendable (LegacySession) -> Void = { _ in }
    ) async throws(SpawnRefusal) -> LegacySession? {
        let loop = EventLoop.current ?? loops.next()
        guard let connection = try await connect(for: principal, on: loop, request: request, isOurs: isOurs) else {
            return nil
        }
        let session = LegacySession(
            server: server, principal: principal, quota: quotas.quota(for: principal), metrics: metrics,
            surroundings: surroundings, client: client, on: loop)
        begun.withLock { $0[session.id] = session }
        await session.start(connection.open) { [self] in
            begun.withLock { _ = $0.removeValue(forKey: session.id) }
            connection.release()
            ended(session)
        }
        return session
    }

    /// The way to the server for one session; nil where it cannot be reached, which the log says.
    func connect(
        for principal: Principal, on loop: EventLoop, request: RequestID? = nil, isOurs: Bool = false
    ) async throws(SpawnRefusal) -> PreparedConnection? {
        do throws(SpawnRefusal) {
            return try await preparedConnection(for: principal, on: loop, request, isOurs: isOurs)
        } catch {
            limitMetrics.refused(error)
            throw error
        }
    }

    private func preparedConnection(
        for principal: Principal, on loop: EventLoop, _ request: RequestID?, isOurs: Bool
    ) async throws(SpawnRefusal) -> PreparedConnection? {
        guard !surroundings.directory.isDraining else { throw .draining }
        if !isOurs, let missing = missingScopes(of: principal) { throw .forbidden(missing) }
        if let seconds = backoff.remaining(at: EventLoop.preciseNow) { throw .backingOff(seconds: seconds) }
        if isOurs {
            try slots.take(server, for: principal.user)
        } else {
            try await takePlace(for: principal.user)
        }
        do throws(UpstreamError) {
            let open = try await upstream.prepare(for: principal, on: loop)
            return PreparedConnection(open: open) { [slots, server] in slots.giveBack(server, of: principal.user) }
        } catch {
            slots.giveBack(server, of: principal.user)
            if case .away(let seconds) = error { throw .backingOff(seconds: seconds) }
            if error == .capacity { throw .capacity }
            failed(error, request)
            return nil
        }
    }

    /// What `principal` would need to use anything here; nil where there is something. Nothing is started for others.
    func missingScopes(of principal: Principal) -> [String]? {
        guard let policy = surroundings.policy else { return nil }
        return policy.missingScopes(for: members ?? [server.name], policy.rights(of: principal))
    }

    /// Begins a session for a modern client, in whose name the gateway shakes hands. `ended` is called when nothing of the
    /// session is left.
    func begin(
        _ envelope: ModernEnvelope, for principal: Principal, request: RequestID?,
        ended: @escaping @Sendable (LegacySession) -> Void
    ) async throws(BridgeRefusal) -> LegacySession {
        guard let document = try? JSONDocument(parsing: envelope.handshake(version: .november2025)),
            let initialize = try? JSONRPCMessage(document.root)
        else { throw .gone }
        var outcome = CallOutcome.gone
        do throws(SpawnRefusal) {
            // A server that does not survive the question for its era is begun once more, with what it must hear first.
            for _ in 0..<2 {
                guard let session = try await open(for: principal, client: .bridged, request: request, ended: ended)
                else {
                    outcome = .message(cannotStart.response(to: initialize.exactID))
                    break
                }
                let (begun, answer) = await settle(
                    session,
                    await session.accept(initialize, for: principal, record: request.map { CallRecord(of: $0) }))
                if let begun { return begun }
                outcome = answer
                guard await session.end == .misaddressed else { break }
            }
        } catch {
            throw .spawn(error)
        }
        guard case .message(let bytes) = outcome, let document = try? JSONDocument(parsing: bytes),
            let message = try? JSONRPCMessage(document.root)
        else { throw .gone }
        throw .server(message)
    }

    func settle(
        _ session: LegacySession, _ outcome: CallOutcome
    ) async -> (session: LegacySession?, outcome: CallOutcome) {
        // A stop, or a change of the configuration, that began meanwhile has not seen this session.
        if surroundings.directory.isDraining { await session.finish(.shutdown) }
        if isRetired { await session.finish(.reconfigured) }
        if case .message = outcome, await session.isEstablished {
            reached()
            return (session, outcome)
        }
        if let end = await session.end, end.isFault { missed(end) }
        await session.finish(.abandoned)
        return (nil, outcome)
    }

    /// Notes that the server answered `initialize`.
    func reached() {
        backoff.succeeded()
        starts.succeeded()
    }

    /// Notes that it failed before it did.
    func missed(_ end: SessionEnd) {
        backoff.failed(at: EventLoop.preciseNow)
        starts.failed(end.label)
    }

    private func failed(_ error: UpstreamError, _ request: RequestID?) {
        guard case .failed(let reason) = error else { return }
        backoff.failed(at: EventLoop.preciseNow)
        starts.failed(StartRecord.cannotStart)
        var details: LogMetadata = ["server": .string(server.name), "error": .string(reason)]
        if let request { details["request_id"] = .string(request.value) }
        Logger(label: "gateway").warning("a server cannot be started", details)
    }

    var isRetired: Bool { retired.load(ordering: .acquiring) }

    /// What clients have begun here and not ended.
    var sessions: [LegacySession] { begun.withLock { Array($0.values) } }

    /// Begins nothing that lasts any more.
    func retire() {
        retired.store(true, ordering: .releasing)
        starts.retire()
    }

    /// Starts what is to stand ready.
    func begin() async { await upstream.begin() }

    /// Ends what belongs to no session.
    func stop() async { await upstream.stop() }

    /// What a client is told then.
    var cannotStart: JSONRPCError {
        JSONRPCError(.internalError, "The server \"\(server.name)\" cannot be started")
    }
}
