import AsyncIO
import JSON
import MCP
import OAuth
import Telemetry

/// Starts the processes of one stdio server, within its bounds.
final class StdioServerSupervisor: Sendable {
    let server: ServerDefinition
    private let configuration: GatewayConfiguration
    private let slots: ProcessSlots
    private let quotas: PrincipalQuotas
    private let surroundings: LegacySession.Surroundings
    private let backoff = StartBackoff()
    private let environment: [String: String]
    private let loops: EventLoopGroup
    let metrics: ServerMetrics

    init(
        _ server: ServerDefinition, _ configuration: GatewayConfiguration, slots: ProcessSlots,
        quotas: PrincipalQuotas, surroundings: LegacySession.Surroundings, loops: EventLoopGroup
    ) {
        self.server = server
        self.configuration = configuration
        self.slots = slots
        self.quotas = quotas
        self.surroundings = surroundings
        self.loops = loops
        environment = server.childEnvironment(from: configuration.inheritedEnvironment)
        metrics = ServerMetrics(server: server.name, in: configuration.metrics)
    }

    /// Begins a session: starts a process and lets it answer `initialize`.
    ///
    /// The session is nil where the server did not begin one; the outcome says to the client why.
    func begin(
        _ initialize: JSONRPCMessage, for principal: Principal, client: LegacySession.ClientKind = .streamableHTTP,
        ended: @escaping @Sendable (LegacySession) -> Void = { _ in }
    ) async throws(SpawnRefusal) -> (session: LegacySession?, outcome: CallOutcome) {
        guard let session = try await open(for: principal, client: client, ended: ended) else {
            return (nil, .message(cannotStart.response(to: initialize.exactID)))
        }
        let outcome = await session.accept(initialize, for: principal, record: nil)
        return await settle(session, outcome)
    }

    /// A session whose process runs and has been told nothing; nil where the process cannot be started.
    func open(
        for principal: Principal, client: LegacySession.ClientKind,
        ended: @escaping @Sendable (LegacySession) -> Void = { _ in }
    ) async throws(SpawnRefusal) -> LegacySession? {
        guard !surroundings.directory.isDraining else { throw .draining }
        if let seconds = backoff.remaining(at: EventLoop.preciseNow) { throw .backingOff(seconds: seconds) }
        try slots.take(server, for: principal.user)
        let session = LegacySession(
            server: server, principal: principal, quota: quotas.quota(for: principal), metrics: metrics,
            surroundings: surroundings, client: client, on: EventLoop.current ?? loops.next())
        do throws(ChildProcess.SpawnError) {
            let child = try await spawn(on: session.loop, for: principal)
            await session.start(child) { [slots, server] in
                slots.giveBack(server, of: principal.user)
                ended(session)
            }
            return session
        } catch {
            slots.giveBack(server, of: principal.user)
            failed(error)
            return nil
        }
    }

    /// Begins a session for a modern client, in whose name the gateway shakes hands. `ended` is called when nothing of the
    /// session is left.
    func begin(
        _ envelope: ModernEnvelope, for principal: Principal, ended: @escaping @Sendable (LegacySession) -> Void
    ) async throws(BridgeRefusal) -> LegacySession {
        guard let document = try? JSONDocument(parsing: envelope.handshake(version: .november2025)),
            let initialize = try? JSONRPCMessage(document.root)
        else { throw .gone }
        let outcome: CallOutcome
        do throws(SpawnRefusal) {
            let (session, answer) = try await begin(initialize, for: principal, client: .bridged, ended: ended)
            if let session { return session }
            outcome = answer
        } catch {
            throw .spawn(error)
        }
        guard case .message(let bytes) = outcome, let document = try? JSONDocument(parsing: bytes),
            let message = try? JSONRPCMessage(document.root)
        else { throw .gone }
        throw .server(message)
    }

    private func settle(
        _ session: LegacySession, _ outcome: CallOutcome
    ) async -> (session: LegacySession?, outcome: CallOutcome) {
        // A stop that began meanwhile has not seen this session.
        if surroundings.directory.isDraining { await session.finish(.shutdown) }
        if case .message = outcome, await session.isEstablished {
            backoff.succeeded()
            return (session, outcome)
        }
        if let end = await session.end, end.isFault { backoff.failed(at: EventLoop.preciseNow) }
        await session.finish(.abandoned)
        return (nil, outcome)
    }

    private func failed(_ error: ChildProcess.SpawnError) {
        // Cancelled: the client left, the server is not to blame.
        guard error != .cancelled else { return }
        backoff.failed(at: EventLoop.preciseNow)
        Logger(label: "gateway").warning(
            "a server cannot be started", ["server": .string(server.name), "error": .string(error.description)])
    }

    /// What a client is told then.
    var cannotStart: JSONRPCError {
        JSONRPCError(.internalError, "The server \"\(server.name)\" cannot be started")
    }

    private func spawn(
        on loop: EventLoop, for principal: Principal
    ) async throws(ChildProcess.SpawnError) -> ChildProcess {
        var configuration = ChildProcess.Configuration(
            executable: server.command, arguments: server.arguments, environment: environment,
            workingDirectory: server.workingDirectory, limits: server.limits, label: server.name)
        if configuration.workingDirectory == nil, let scratch = self.configuration.scratchDirectory {
            configuration.workingDirectory = try await folder(below: scratch)
        }
        return try await ChildProcess.spawn(configuration, on: loop)
    }

    /// A private folder for the server, made when first needed.
    private func folder(below scratch: String) async throws(ChildProcess.SpawnError) -> String {
        let path = "\(scratch)/\(server.name)"
        do {
            try await BlockingExecutor.shared.run { try FileSystem.ensureDirectory(path, mode: 0o700) }
        } catch {
            throw .system(step: "working directory", code: 0)
        }
        return path
    }
}
