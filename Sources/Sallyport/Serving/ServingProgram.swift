import AsyncIO
import AuthorizationServer
import Crypto
import Gateway
import Glibc
import HTTP
import OAuth
import Storage
import Telemetry

/// A running gateway, from the configuration to the exit code.
struct ServingProgram: Sendable {
    /// How long the first account's setup link works.
    private static let setupLinkLifetime = Duration.seconds(24 * 3600)

    /// They get one short answer each.
    private static let redirectConnections = 1000

    /// Whoever asks for numbers is one, or a few.
    private static let operationConnections = 100

    private let plan: ServingPlan
    private let state: OpenedStore?
    private let store: any AuthorizationStore
    private let sealing: SealingKeySource
    private let audit: AuditTrail
    private let group: EventLoopGroup
    /// Nil where TLS does not end here.
    private let tls: TLSAssembly?
    /// Nil where nothing bounds the memory.
    private let memory: MemoryWatch?
    private let logger = Logger(label: "sallyport")
    private let readiness = Readiness()

    /// Runs until a signal ends it. Called on the main thread, which only waits.
    static func run(_ plan: ServingPlan) throws(CommandFailure) -> ExitCode {
        InheritedSignals.reset()
        Signals.ignoreBrokenPipes()
        LogSink.standard.configure(
            format: plan.configuration.logging.format, levels: plan.configuration.logging.levels)
        defer { LogSink.standard.flush() }
        let program = try ServingProgram(plan)
        let loop = program.group.loops[0]
        let outcome: Result<Void, CommandFailure> = Lifecycle.run(on: loop) { await program.outcome(on: loop) }
        program.close()
        try outcome.get()
        program.logger.notice("stopped")
        return .success
    }

    private init(_ plan: ServingPlan) throws(CommandFailure) {
        self.plan = plan
        group = EventLoopGroup()
        let isPersistent = plan.protection == .login && plan.configuration.storage != .memory
        state = isPersistent ? try OpenedStore.open(plan.configuration, on: group.loops) : nil
        store = state?.store ?? MemoryStore()
        tls = try TLSAssembly(plan.configuration)
        memory = MemoryWatch(largest: plan.configuration.limits.requestBytes, logger: Logger(label: "sallyport"))
        sealing = state.map { .file($0.sealing) } ?? .fresh
        audit =
            plan.protection == .login
            ? try AuditTrail.open(plan.configuration, logger: Logger(label: "audit")) : .discarding
    }

    private func outcome(on loop: EventLoop) async -> Result<Void, CommandFailure> {
        do throws(CommandFailure) {
            return .success(try await serve(on: loop))
        } catch {
            return .failure(error)
        }
    }

    /// The order of a start and a stop.
    private func serve(on loop: EventLoop) async throws(CommandFailure) {
        // 1. Signals from the first moment on: one that comes during the start ends it as soon as it stands.
        let signals = Signals.stream(of: [SIGTERM, SIGINT, SIGHUP], on: loop)
        // Children of a gateway that was killed together with its launchers are nobody's: ours from now on.
        try? await BlockingExecutor.shared.run {
            Orphans.adopt()
            LauncherTemplate.prepare()
        }
        noteLimits()
        // 2. Everything that answers requests.
        let assembler = Assembler(
            state: state, store: store, sealing: sealing, audit: audit, group: group, tls: tls, readiness: readiness,
            logger: logger)
        let live = LiveAssembly(try await assembler.assemble(plan), under: memory?.pressure)
        let reload = ConfigurationReload(live, by: assembler)
        // 3. The address.
        let server = HTTPServer(configuration: httpConfiguration, group: group, responder: live)
        let bound = try await listen(server, on: plan.configuration.listen, tls: tls?.served)
        assembler.bound.note(bound.port)
        let beside = [try await redirectServer(port: bound.port, live), try await operationServer(live)].compactMap(
            \.self)
        // 4. The first account, and what the operator should know.
        let setupURL = try await setupURL(port: bound.port)
        await noteOrigin(port: bound.port)
        readiness.advance(to: .ready)
        announce(port: bound.port, setupURL)
        let notices = ServiceNotices(logger: logger)
        notices.ready(at: plan.configuration.displayOrigin(port: bound.port))
        // 5. Serve until a signal, then drain.
        let address = PublicAddressCheck(
            plan, port: bound.port, assembler.publicAddress, on: loop, logger: logger)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: loop) {
                await address?.run { pause in (try? await loop.sleep(for: pause)) != nil }
            }
            tasks.addTask(executorPreference: loop) { await reload.run(on: loop) }
            if let memory { tasks.addTask(executorPreference: loop) { await memory.run(on: loop) } }
            if let tls { tasks.addTask(executorPreference: loop) { await tls.run(on: loop) } }
            await ShutdownSequence(readiness: readiness, notices: notices, logger: logger)
                .run(signals, server, beside: beside, live, reload, loop)
            tasks.cancelAll()
        }
        await live.current.exporter?.flush()
    }

    private func close() {
        audit.flush()
        state?.close()
    }
}

// MARK: - Steps

extension ServingProgram {
    private var httpConfiguration: HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        configuration.scheme = plan.configuration.scheme
        configuration.pressure = memory?.pressure
        configuration.handshakesPerMinute = plan.configuration.handshakesPerMinute
        return configuration
    }

    private func listen(
        _ server: HTTPServer, on address: SocketAddress, tls: ServedTLS? = nil
    ) async throws(CommandFailure) -> SocketAddress {
        do throws(IOError) {
            return try await server.start(on: address, tls: tls)
        } catch {
            throw CommandFailure(
                code: .unavailable, message: "cannot listen on \(address): \(error)",
                hint: error == .system(code: EADDRINUSE)
                    ? "another program uses it, perhaps another Sallyport; choose one with --listen 127.0.0.1:PORT"
                    : "choose another address with --listen")
        }
    }

    /// What answers requests in the clear, beside a listener with TLS.
    private func redirectServer(port: Int, _ live: LiveAssembly) async throws(CommandFailure) -> HTTPServer? {
        guard let address = plan.configuration.tls?.redirectListen else { return nil }
        var configuration = HTTPServerConfiguration()
        configuration.maximumConnections = Self.redirectConnections
        configuration.idleTimeout = .seconds(10)
        let responder = RedirectToHTTPS(
            origin: plan.configuration.displayOrigin(port: port),
            sites: { host in
                live.current.plan.endpoints.compactMap(\.site).first { $0.host.description == host }?.origin
            }, challenges: tls?.challenges)
        let server = HTTPServer(configuration: configuration, group: group, responder: responder)
        _ = try await listen(server, on: address)
        return server
    }

    /// What answers those who run the gateway, where that is an address of its own.
    private func operationServer(_ live: LiveAssembly) async throws(CommandFailure) -> HTTPServer? {
        guard let address = plan.configuration.metrics.listen else { return nil }
        var configuration = HTTPServerConfiguration()
        configuration.maximumConnections = Self.operationConnections
        let server = HTTPServer(configuration: configuration, group: group, responder: OperationListener(live: live))
        let bound = try await listen(server, on: address)
        logger.notice("metrics are at an address of their own", ["listen": .string("\(bound)")])
        return server
    }

    private func setupURL(port: Int) async throws(CommandFailure) -> String? {
        guard plan.hasAuthorizationServer, plan.configuration.login?.hasLocalAccounts ?? true else { return nil }
        do {
            let administration = UserAdministration(store: store, clock: .steady, audit: audit.log)
            let link = try await administration.prepareFirstUser(lifetime: Self.setupLinkLifetime)
            return link.map { plan.configuration.setupURL($0, port: port) }
        } catch {
            throw CommandFailure(code: .unavailable, message: "the store cannot be used: \(Assembler.words(error))")
        }
    }

    private func noteOrigin(port: Int) async {
        guard state != nil else { return }
        let (origin, directory) = (plan.configuration.displayOrigin(port: port), plan.configuration.dataDirectory)
        // Only the queue can refuse, and a note that is missing is made at the next start.
        try? await BlockingExecutor.shared.run { ServedOrigin.write(origin, to: directory) }
    }

    /// What `check` could not know: whether control groups can be made is seen by trying.
    private func noteLimits() {
        guard !ControlGroups.controllers.contains(.cpu), ControlGroups.possible.contains(.cpu) else { return }
        for server in plan.configuration.servers where server.processorLimit != nil {
            logger.warning(
                "limits.cpu has no effect: the control group of the gateway cannot be divided",
                ["server": .string(server.name)])
        }
    }

    private func announce(port: Int, _ setupURL: String?) {
        for notice in plan.configuration.notices {
            if Console.isTerminal {
                Console.complain(notice.text)
            } else {
                logger.warning("configuration", ["note": .string(notice.logText)])
            }
        }
        Announcement(
            configuration: plan.configuration, port: port, setupURL: setupURL, servers: plan.addresses,
            isProtected: plan.protection == .login
        ).make(logger: logger)
    }
}
