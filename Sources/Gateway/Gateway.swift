package import AsyncIO
package import HTTP
import MCP
package import OAuth
import Telemetry

/// The protected side of Sallyport: every server behind its endpoint, its metadata, its processes.
///
/// Nothing of it changes: another configuration makes another one, which goes on with the servers that stay as they are and
/// with everybody's sessions (``init(_:on:succeeding:keeping:)``).
package final class Gateway: Sendable {
    /// What the authorization server may issue tokens for.
    package let resources: ResourceCatalog
    let configuration: GatewayConfiguration
    let directory: SessionDirectory
    let slots: ProcessSlots
    private let quotas: PrincipalQuotas
    private let rates: RequestRates?
    private let tally: AuditTally
    private let endpoints: [MCPEndpoint]
    let branches: [GatewayBranch]
    private let channels: [EventChannelEndpoint]
    private let pages: CrossOriginPolicy
    let pins: PinBooks
    private let icons: IconEndpoint?

    /// Which servers of the gateway before are the same in the new one.
    package struct Continuity: Sendable {
        /// Those whose sessions go on.
        package var servers: Set<String>
        /// Whether those of all servers as one do.
        package var includesAggregate: Bool

        /// Collects them.
        package init(servers: Set<String>, includesAggregate: Bool) {
            self.servers = servers
            self.includesAggregate = includesAggregate
        }
    }

    /// Starts nothing: servers are started when they are first needed, or by ``begin()``.
    package convenience init(_ configuration: GatewayConfiguration, on loops: EventLoopGroup) {
        self.init(configuration, on: loops, succeeding: nil, keeping: Continuity(servers: [], includesAggregate: false))
    }

    /// Takes the place of `previous`: what is to be kept goes on with its sessions and processes, which count together. The
    /// rest of `previous` is to be ended by ``retire(for:within:)`` once requests come here.
    package init(
        _ configuration: GatewayConfiguration, on loops: EventLoopGroup, succeeding previous: Gateway?,
        keeping kept: Continuity
    ) {
        self.configuration = configuration
        let resources = ResourceCatalog(
            servers: configuration.servers, scopes: configuration.scopes,
            hasAggregate: configuration.aggregate != nil)
        let pages = CrossOriginPolicy(
            hosts: configuration.hostPolicy,
            allowsLoopbackPages: configuration.allowsLoopbackPages && configuration.isProtected)
        let directory = previous?.directory ?? SessionDirectory()
        let quotas = previous?.quotas ?? PrincipalQuotas(configuration.limits, in: configuration.metrics)
        let builder = BranchBuilder(
            configuration, directory: directory, quotas: quotas,
            slots: previous?.slots ?? ProcessSlots(configuration.limits), loops: loops)
        var branches = configuration.servers.map { server in
            let old = kept.servers.contains(server.name) ? previous?.branch(server.name) : nil
            return old ?? builder.branch(server)
        }
        if let aggregate = configuration.aggregate {
            let old = kept.includesAggregate ? previous?.aggregateBranch : nil
            branches.append(old ?? builder.branch(aggregate, over: branches))
        }
        let proofs = configuration.proofs.map { ProofCheck(guard: $0, clock: configuration.clock) }
        // What was used up stays used up.
        let rates =
            previous?.configuration.rates == configuration.rates
            ? previous?.rates : RequestRates(configuration.rates, clock: configuration.clock, in: configuration.metrics)
        let audits = !(configuration.audit is DiscardingAuditLog)
        let tally = configuration.tally ?? AuditTally(configuration.audit, clock: configuration.clock)
        var channels: [EventChannelEndpoint] = []
        endpoints = zip(branches, resources.all).map { branch, resource in
            let server = branch.supervisor.server
            let place = server.site.map { pages.at($0) } ?? pages
            func endpoint(_ resource: ProtectedResource) -> MCPEndpoint {
                MCPEndpoint(
                    server: server, supervisor: branch.supervisor, bridge: branch.bridge,
                    states: builder.surroundings.states, tasks: builder.surroundings.tasks, directory: directory,
                    quotas: quotas, rates: rates, limits: configuration.limits, pages: place,
                    authentication: BearerAuthentication(
                        configuration.authentication, resource: resource,
                        issuer: server.site == nil ? nil : configuration.issuer?(), proofs: proofs),
                    audits: audits, tally: tally, arguments: configuration.auditedArguments,
                    tracer: configuration.tracer)
            }
            if let paths = EventChannelPaths(besides: server.path) {
                channels.append(EventChannelEndpoint(steps: endpoint(resource.moved(to: paths.stream)), paths: paths))
            }
            return endpoint(resource)
        }
        self.channels = channels
        self.branches = branches
        self.resources = resources
        self.pages = pages
        self.directory = directory
        self.quotas = quotas
        self.rates = rates
        self.tally = tally
        slots = builder.slots
        icons = builder.surroundings.icons.map {
            IconEndpoint(addresses: $0, pictures: IconPictures(configuration, on: loops.next()), pages: pages)
        }
        pins = PinBooks(branches.compactMap(\.book), configuration.pins)
    }

    private func branch(_ server: String) -> GatewayBranch? {
        branches.prefix(configuration.servers.count).first { $0.supervisor.server.name == server }
    }

    private var aggregateBranch: GatewayBranch? { configuration.aggregate == nil ? nil : branches.last }

    /// Reads which definitions of tools are approved; to be called before the first request.
    package func prepare() async throws(PinLedgerError) { try await pins.prepare() }

    /// Writes down what servers say of their tools, and learns what operators approve; returns when the task is cancelled.
    package func watchPins() async { await pins.watch() }

    /// Puts the endpoints and, where tokens are needed, the documents that say how to get one on `router`: those at paths of
    /// ours, or those of the server whose own host `site` is.
    package func register(at site: HTTPURL? = nil, on router: inout HTTPRouter) {
        for endpoint in endpoints where endpoint.server.site == site {
            for method in [HTTPMethod.post, .get, .delete] { router.on(method, endpoint.server.path, endpoint) }
            router.on(.options, endpoint.server.path, PreflightEndpoint(pages: endpoint.pages))
        }
        let channels = channels.filter { $0.steps.server.site == site }
        for channel in channels { channel.register(on: &router) }
        if let icons = icons(at: site) { router.on(.get, IconAddresses.path, icons) }
        guard case .bearer = configuration.authentication else { return }
        let older = channels.map(\.steps.authentication.resource)
        let servers = resources.servers.filter { $0.origin == site?.origin }
        let others = site == nil ? resources.others : []
        ProtectedResourceEndpoint.register(
            servers.isEmpty ? others : servers, besides: (servers.isEmpty ? [] : others) + older,
            pages: site.map { pages.at($0) } ?? pages, issuer: site == nil ? nil : configuration.issuer?(),
            authorizationServers: configuration.authorizationServers,
            takesBoundTokens: configuration.proofs != nil, on: &router)
    }

    private func icons(at site: HTTPURL?) -> IconEndpoint? {
        guard let site, let icons else { return icons }
        return configuration.servers.first { $0.site == site }.map { icons.at(site, of: $0.name) }
    }

    /// `/verify`, which counts requests together with the endpoints.
    package func verifyEndpoint(_ configuration: ForwardAuthConfiguration) -> VerifyEndpoint {
        VerifyEndpoint(configuration, rates: rates)
    }

    /// Puts what came often into the audit trail, until the task is cancelled.
    package func watchTally() async { await tally.run() }

    /// Starts what is to stand ready before anybody asks for it (`pool.prespawn`), in the background; what does already goes on.
    package func begin() async {
        for branch in branches { await branch.supervisor.begin() }
    }

    /// How many sessions there are.
    package var sessionCount: Int { directory.count }

    /// How many child processes run or are being stopped.
    package var processCount: Int { slots.total }

    /// Ends the sessions and streams that live by `grant`. To be called when a grant ends; callable from everywhere.
    /// What nobody tells is found by ``watchRevocations()`` (T08).
    package func revoke(_ grant: GrantID) async {
        for session in directory.all { await session.revoke { $0 == grant } }
    }

    /// Looks every few seconds for sessions whose grant has ended; returns when the task is cancelled.
    package func watchRevocations() async {
        guard let revocations = configuration.revocations else { return }
        while !Task.isCancelled {
            // Cancellation ends the loop.
            try? await EventLoop.pause(for: configuration.limits.revocationSweep)
            for session in directory.all {
                await session.revoke { revocations.status(of: $0) == .revoked }
            }
        }
    }

    /// Stops (F20): no session begins any more, waiting streams end, calls get up to `limit` for their answers and then
    /// an error, all processes are stopped. Returns when nothing is left of them.
    package func drain(within limit: Duration) async {
        directory.startDraining()
        await Self.end(directory.all, .shutdown, within: limit)
        await Self.stop(branches)
        tally.settle(isLast: true)
    }

    /// Ends what `successor` did not take over: no session of it begins any more, calls get up to `limit` for their answers.
    /// Returns when nothing of it is left.
    package func retire(for successor: Gateway, within limit: Duration) async {
        let left = branches.filter { branch in !successor.branches.contains { $0.supervisor === branch.supervisor } }
        for branch in left { branch.supervisor.retire() }
        await Self.end(left.flatMap(\.supervisor.sessions), .reconfigured, within: limit)
        await Self.stop(left)
    }

    private static func stop(_ branches: [GatewayBranch]) async {
        await withDiscardingTaskGroup { for branch in branches { $0.addTask { await branch.supervisor.stop() } } }
    }

    private static func end(_ sessions: [LegacySession], _ reason: SessionEnd, within limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { for session in sessions { $0.addTask { await session.drain(reason) } } }
            }
            group.addTask { try? await EventLoop.pause(for: limit) }
            await group.next()
            group.cancelAll()
        }
        for session in sessions { await session.vanished() }
    }
}
