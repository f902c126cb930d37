import AsyncIO
import AuthorizationServer
import Crypto
import Gateway
import HTTP
import OAuth
import Storage
import Telemetry

/// Everything that answers requests, made of one configuration.
struct Assembly: Sendable {
    let plan: ServingPlan
    let gateway: GatewayAssembly
    /// Nil where tokens are other servers', or none are needed.
    let service: AuthorizationService?
    /// Nil where nothing is traced.
    let exporter: OTLPExporter?
    /// What the listener asks.
    let front: any HTTPResponder
    /// What the listener of `metrics` asks.
    let operations: OperationAccess
    /// Sees every request with its answer; nil where the configuration does not say how clients come.
    let addresses: AddressCheck?
}

/// Makes assemblies. What it holds is the same for all of them, whatever a configuration says later.
struct Assembler: Sendable {
    let state: OpenedStore?
    let store: any AuthorizationStore
    let sealing: SealingKeySource
    let audit: AuditTrail
    let group: EventLoopGroup
    let tls: TLSAssembly?
    let readiness: Readiness
    let logger: Logger
    /// Where clients come in, as soon as they can.
    let bound = BoundPort()
    /// What a look at `public_url` found.
    let publicAddress = PublicAddressCheck.Warning()
    /// Of all assemblies: servers that go on hold on to it.
    private let spans = SpanBuffer()
    /// Likewise: what it counts goes on counting.
    private let tally: AuditTally
    /// Of this process, whose beginning no change of the configuration moves.
    private let process = ProcessGauges(startedAt: WallClock.system.now())

    init(
        state: OpenedStore?, store: any AuthorizationStore, sealing: SealingKeySource, audit: AuditTrail,
        group: EventLoopGroup, tls: TLSAssembly?, readiness: Readiness, logger: Logger
    ) {
        self.state = state
        self.store = store
        self.sealing = sealing
        self.audit = audit
        tally = AuditTally(audit.log, clock: .system)
        self.group = group
        self.tls = tls
        self.readiness = readiness
        self.logger = logger
    }

    /// What `plan` says. With `previous`, in its place: keys, revocations and the sessions of servers that stay as they are
    /// go on.
    func assemble(_ plan: ServingPlan, succeeding previous: Assembly? = nil) async throws(CommandFailure) -> Assembly {
        let hosts = Self.hosts(plan.configuration, for: plan.configuration.allowedOrigins.map(\.origin))
        let directory = ServerDirectory(plan)
        let service = try await authorizationService(plan, hosts, directory, succeeding: previous?.service)
        // No page can call a server with what a browser keeps of its user: only with a token. Pages with cookies are not open to all.
        let callers = plan.configuration.allowsEveryOrigin ? Self.hosts(plan.configuration, for: ["*"]) : hosts
        let gateway = GatewayAssembly(
            plan, hosts: callers, service: service, audit: audit.log, tally: tally, sealing: sealing.key(),
            store: store, group: group, directory: directory,
            tracer: plan.configuration.tracing.map { Tracer(spans, ratio: $0.ratio) }, bound: bound,
            succeeding: previous.map { ($0.gateway, $0.plan) })
        try await gateway.prepare()
        var common = HTTPRouter()
        let addresses = AddressCheck(plan, logger: logger)
        let endpoints = OperationEndpoints(
            readiness: readiness, store: plan.hasAuthorizationServer ? store : nil,
            servers: { gateway.health }, probe: { await gateway.probe($0) }, seal: OperatorSeal(sealing.key()),
            warnings: { [audit, publicAddress] in
                [publicAddress.current].compactMap(\.self) + (addresses?.warnings ?? []) + audit.warnings
            }, process: process)
        let operations = OperationAccess(endpoints, plan.configuration.metrics)
        operations.register(on: &common)
        var router = common
        router.on(
            .get, "/",
            FrontPage(servers: plan.addresses, hosts: hosts, isProtected: plan.protection == .login))
        service?.register(on: &router)
        gateway.register(on: &router)
        return Assembly(
            plan: plan, gateway: gateway, service: service,
            exporter: plan.configuration.tracing.map { OTLPExporter($0, spans, on: group.loops[0]) },
            front: front(
                plan, ServiceHosts(plan, gateway: gateway, service: service, common: common, before: router) ?? router,
                directory), operations: operations, addresses: addresses)
    }

    private static func hosts(_ configuration: Configuration, for origins: [String]) -> HostPolicy {
        HostPolicy(
            publicURL: configuration.publicURL, listen: configuration.listen, allowedOrigins: origins,
            localScheme: configuration.scheme)
    }

    // MARK: The authorization server

    private func authorizationService(
        _ plan: ServingPlan, _ hosts: HostPolicy, _ directory: ServerDirectory,
        succeeding previous: AuthorizationService?
    ) async throws(CommandFailure) -> AuthorizationService? {
        guard plan.hasAuthorizationServer else { return nil }
        do {
            let clock = WallClock.steady
            let sealingKey = sealing.key()
            var keyring = previous?.keyring
            if keyring == nil {
                keyring = try await SigningKeyring.open(store: store, sealing: sealingKey, at: clock.now())
            }
            guard let keyring else { return nil }
            let service = AuthorizationService(
                configuration: AuthorizationServerConfiguration(plan.configuration), store: store, keyring: keyring,
                revocations: previous?.revocations ?? RevocationIndex(clock: clock), hosts: hosts,
                resources: directory, clock: clock, audit: audit.log, logger: Logger(label: "authorization"),
                providers: ProviderAssembly(
                    sealing: sealingKey, claims: plan.configuration.access?.otherClaims ?? [], loop: group.loops[0],
                    clock: clock
                )
                .directory(
                    plan.configuration.login ?? LoginSettings(),
                    asserting: plan.configuration.oauth.identityAssertions), documents: documentFetcher(plan))
            try await service.prepare()
            try await service.reviewIdentities()
            if previous == nil { try await lookAtStore() }
            return service
        } catch {
            throw CommandFailure(code: .unavailable, message: "the store cannot be used: \(Self.words(error))")
        }
    }

    /// Gets what clients publish about themselves.
    private func documentFetcher(_ plan: ServingPlan) -> HTTPDocumentFetcher {
        let settings = plan.configuration.oauth.clientDocuments
        return HTTPDocumentFetcher(
            on: group.loops[0], additional: settings.additionalAddresses,
            certificateAuthorities: settings.certificateAuthorities)
    }

    /// A clock that once ran ahead leaves a mark behind which no login works: better said than searched for.
    private func lookAtStore() async throws(StoreError) {
        guard let state else { return }
        let mark = try await state.highWaterMark()
        if mark > WallClock.system.now() + .seconds(60) {
            logger.error(
                "the clock is behind the time that the store has seen: logins fail until then",
                [
                    "seen": .string(mark.iso8601),
                    "hint": .string("set the clock; if the earlier time was wrong: \(state.clockAdvice)"),
                ])
        }
        for weakness in try await state.weaknesses() {
            logger.warning("the shared store is weaker than it should be", ["reason": .string(weakness)])
        }
    }

    /// Why a store failed, for the operator.
    static func words(_ error: any Error) -> String {
        (error as? StoreError)?.detail ?? "\(error)"
    }

    // MARK: The front

    /// What stands before the router, when there are other proxies and resources behind them.
    private func front(
        _ plan: ServingPlan, _ router: any HTTPResponder, _ directory: ServerDirectory
    ) -> any HTTPResponder {
        var front = router
        if !plan.configuration.protectedResources.isEmpty, let url = plan.configuration.publicURL {
            front = ResourceSites(directory, publicURL: url, servers: plan.authorizationServers, before: front)
        }
        let proxies = TrustedProxies(plan.configuration.trustedProxies)
        if !proxies.isEmpty { front = ForwardingBoundary(proxies, before: front) }
        guard tls != nil else { return front }
        return StrictTransport(for: plan.configuration.publicURL, before: front) ?? front
    }
}
