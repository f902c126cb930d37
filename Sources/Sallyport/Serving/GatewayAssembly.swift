import AsyncIO
import AuthorizationServer
import Crypto
import Gateway
import HTTP
import OAuth
import Storage
import Telemetry

/// The gateway as configured, and who may come in: the one place where the authorization server and the gateway meet.
struct GatewayAssembly: Sendable {
    private let gateway: Gateway
    private let verify: VerifyEndpoint?

    init(
        _ plan: ServingPlan, hosts: HostPolicy, service: AuthorizationService?, audit: any AuditLog, tally: AuditTally,
        sealing: SealingKey, store: any ToolPinStore, group: EventLoopGroup, directory: ServerDirectory,
        tracer: Tracer?, bound: BoundPort,
        succeeding previous: (gateway: GatewayAssembly, plan: ServingPlan)?
    ) {
        let servers = zip(plan.configuration.servers, plan.endpoints).map { settings, endpoint in
            ServerDefinition(settings, at: endpoint, protocolVersion: plan.protocolVersion)
        }
        let verifier = Self.verifier(plan, service, directory, loop: group.loops[0])
        var configuration = GatewayConfiguration(
            hostPolicy: hosts, authentication: verifier.map { .bearer($0) } ?? .none, servers: servers)
        configuration.authorizationServers = plan.authorizationServers
        configuration.scopes = directory.all.first?.scopes ?? []
        if plan.hasAggregate {
            let aggregate = plan.configuration.aggregate
            configuration.aggregate = AggregateConfiguration(
                separator: aggregate.separator, showsInstructions: aggregate.showsInstructions, version: Version.text)
        }
        configuration.rates = plan.configuration.rates
        configuration.limits = plan.configuration.limits
        configuration.access = plan.configuration.access
        configuration.inheritedEnvironment = Environment.all
        configuration.audit = audit
        configuration.tally = tally
        if plan.configuration.audit.recordsArguments {
            configuration.auditedArguments = ArgumentRecord(redacting: plan.configuration.audit.redacted)
        }
        configuration.tracer = tracer
        configuration.revocations = service?.revocations
        configuration.sealing = sealing
        configuration.pins = StoredPins(store: store, clock: .steady)
        configuration.proofs = service?.proofs
        configuration.allowsSecretForms = plan.configuration.allowsSecretForms
        let listen = plan.configuration
        configuration.issuer = { listen.displayOrigin(port: bound.current ?? listen.listen.port) }
        configuration.signer = service.map {
            KeyringSigner(
                keyring: $0.keyring, algorithm: plan.configuration.oauth.signingAlgorithm, clock: .steady)
        }
        if plan.protection == .login, plan.configuration.storage != .memory {
            configuration.scratchDirectory = "\(plan.configuration.dataDirectory)/\(DataDirectory.scratchName)"
        }
        if let (old, oldPlan) = previous {
            let change = ConfigurationChange(old: oldPlan.configuration, new: plan.configuration)
            gateway = Gateway(configuration, on: group, succeeding: old.gateway, keeping: change.continuity)
        } else {
            gateway = Gateway(configuration, on: group)
        }
        let endpoints = gateway
        verify = verifier.map { verifier in
            var forwardAuth = ForwardAuthConfiguration(
                hosts: hosts, directory: directory, verifier: verifier,
                page: ResourcePage(hasLogin: service != nil).response)
            forwardAuth.access = plan.configuration.access.map {
                AccessPolicy($0, servers: plan.configuration.namesUnderPolicy)
            }
            forwardAuth.forwardsBearer = plan.configuration.forwardsBearer
            forwardAuth.tally = audit is DiscardingAuditLog ? nil : tally
            return endpoints.verifyEndpoint(forwardAuth)
        }
    }

    /// Whose tokens are taken: our own server's, other servers'; nil where everybody comes in (`bridge`).
    private static func verifier(
        _ plan: ServingPlan, _ service: AuthorizationService?, _ directory: ServerDirectory, loop: EventLoop
    ) -> (any AccessTokenVerifier)? {
        guard plan.protection == .login else { return nil }
        let own = service.map { $0.acceptingAPIKeys(before: $0.accessTokenVerifier(directory)) }
        var issuers = plan.configuration.oauth.externalIssuers
        for place in issuers.indices { issuers[place].claims.others = plan.configuration.access?.otherClaims ?? [] }
        if let own, issuers.isEmpty { return own }
        // Without any issuer nobody comes in.
        return ExternalIssuerAssembly.verifier(issuers, own: own, loop: loop, clock: .steady)
    }

    /// Puts the MCP endpoints and `/verify` on the router.
    func register(on router: inout HTTPRouter) {
        gateway.register(on: &router)
        verify?.register(on: &router)
    }

    /// Puts what stands at a host of its own on the router of that host.
    func register(at site: HTTPURL, on router: inout HTTPRouter) { gateway.register(at: site, on: &router) }

    /// Reads what the first request must find.
    func prepare() async throws(CommandFailure) {
        do throws(PinLedgerError) {
            try await gateway.prepare()
        } catch {
            throw CommandFailure(code: .unavailable, message: "the store cannot be used: \(error.detail)")
        }
    }

    /// Starts servers ahead, then ends the streams of grants that have ended and keeps the pins of tools, until the task is
    /// cancelled.
    func run() async {
        await gateway.begin()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await gateway.watchRevocations() }
            tasks.addTask { await gateway.watchPins() }
            tasks.addTask { await gateway.watchTally() }
        }
    }

    /// How the servers are.
    var health: [ServerHealth] { gateway.health }

    /// Finds out whether one of them works.
    func probe(_ server: String) async -> ServerProbe { await gateway.probe(server) }

    /// Ends what `successor` did not take over.
    func retire(for successor: GatewayAssembly, within limit: Duration) async {
        await gateway.retire(for: successor.gateway, within: limit)
    }

    /// Answers what is in flight and stops the servers.
    func drain(within limit: Duration) async {
        await gateway.drain(within: limit)
    }
}

extension AuthorizationService {
    /// Verifies what this server issues.
    fileprivate func accessTokenVerifier(_ directory: ServerDirectory) -> JWTAccessTokenVerifier {
        JWTAccessTokenVerifier(keys: keyring, revocations: revocations, clock: .steady, directory: directory)
    }
}

extension ServerDefinition {
    /// A server as configured, at its endpoint.
    fileprivate init(_ settings: ServerSettings, at address: ServedAddress, protocolVersion: String?) {
        self.init(
            name: settings.name, command: settings.command, arguments: settings.arguments,
            environment: settings.environment, passEnvironment: settings.passEnvironment,
            workingDirectory: settings.workingDirectory, callTimeout: settings.timeout,
            startTimeout: settings.effectiveStartTimeout, idleTimeout: settings.idleTimeout,
            maximumSessions: settings.maximumSessions,
            limits: ChildProcess.Limits(
                memory: settings.memoryLimit.map(UInt64.init), processes: settings.processLimit.map(UInt64.init),
                processors: settings.processorLimit,
                openFiles: settings.openFileLimit.map(UInt64.init)))
        sandbox = settings.sandbox
        user = settings.user
        path = address.path
        site = address.site
        era = settings.era
        remote = settings.remote
        offeredVersion = protocolVersion
        isolation = settings.isolation
        prespawned = settings.prespawned
        tools = settings.tools.filter
        pin = settings.pin
    }
}
