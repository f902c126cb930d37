package import AsyncIO
package import HTTP
import MCP
package import OAuth
import Telemetry

/// The protected side of Sallyport: every server behind its endpoint, its metadata, its processes.
package final class Gateway: Sendable {
    /// What the authorization server may issue tokens for.
    package let resources: ResourceCatalog
    let configuration: GatewayConfiguration
    let directory = SessionDirectory()
    let slots: ProcessSlots
    private let endpoints: [MCPEndpoint]
    private let supervisors: [ServerSupervisor]
    private let channels: [EventChannelEndpoint]
    private let circuits: [(server: String, circuit: UpstreamCircuit)]
    private let pages: CrossOriginPolicy

    /// Starts nothing: servers are started when they are first needed.
    package init(_ configuration: GatewayConfiguration, on loops: EventLoopGroup) {
        self.configuration = configuration
        let resources = ResourceCatalog(
            servers: configuration.servers, scopes: configuration.scopes,
            hasAggregate: configuration.aggregate != nil)
        let pages = CrossOriginPolicy(
            hosts: configuration.hostPolicy,
            allowsLoopbackPages: configuration.allowsLoopbackPages && configuration.isProtected)
        let slots = ProcessSlots(configuration.limits)
        let quotas = PrincipalQuotas(configuration.limits)
        let directory = directory
        let surroundings = LegacySession.Surroundings(
            limits: configuration.limits, directory: directory,
            observer: GatewayObserver(audit: configuration.audit, clock: configuration.clock),
            states: RequestStates(key: configuration.sealing, clock: configuration.clock))
        let proofs = configuration.proofs.map { ProofCheck(guard: $0, clock: configuration.clock) }
        let audits = !(configuration.audit is DiscardingAuditLog)
        var channels: [EventChannelEndpoint] = []
        var circuits: [(server: String, circuit: UpstreamCircuit)] = []
        func supervisor(
            _ server: ServerDefinition, _ upstream: any Upstream, _ slots: ProcessSlots
        ) -> ServerSupervisor {
            ServerSupervisor(
                server, upstream, slots: slots, quotas: quotas, surroundings: surroundings,
                metrics: configuration.metrics, loops: loops)
        }
        var supervisors = configuration.servers.map { server in
            var spoken: any Upstream
            if let remote = server.remote {
                let there = HTTPUpstream(server, remote, configuration)
                circuits.append((server.name, there.circuit))
                spoken = EraUpstream(there, server)
            } else {
                spoken = EraUpstream(StdioUpstream(server, configuration), server)
                if server.isolation != .session { spoken = SharedUpstream(spoken, server, configuration.limits) }
            }
            return supervisor(server, spoken, slots)
        }
        if let aggregate = configuration.aggregate {
            let plan = AggregatePlan(
                aggregate, supervisors, limits: configuration.limits, sealing: configuration.sealing,
                metrics: configuration.metrics)
            // Its sessions have no process of their own; those of the servers count where they are started.
            supervisors.append(
                supervisor(
                    aggregate.definition(of: configuration.servers, configuration.limits),
                    AggregateUpstream(plan: plan), ProcessSlots(configuration.limits)))
        }
        endpoints = zip(supervisors, resources.all).map { supervisor, resource in
            let server = supervisor.server
            let bridge = BridgePool(
                supervisor, directory: directory, maximum: configuration.limits.bridgedSessionsPerClient)
            func endpoint(_ resource: ProtectedResource) -> MCPEndpoint {
                MCPEndpoint(
                    server: server, supervisor: supervisor, bridge: bridge, states: surroundings.states,
                    directory: directory, quotas: quotas, limits: configuration.limits, pages: pages,
                    authentication: BearerAuthentication(
                        configuration.authentication, resource: resource, proofs: proofs),
                    audits: audits)
            }
            if let paths = EventChannelPaths(besides: server.path) {
                channels.append(EventChannelEndpoint(steps: endpoint(resource.moved(to: paths.stream)), paths: paths))
            }
            return endpoint(resource)
        }
        self.channels = channels
        self.circuits = circuits
        self.supervisors = supervisors
        self.resources = resources
        self.pages = pages
        self.slots = slots
    }

    /// Puts the endpoints and, where tokens are needed, the documents that say how to get one on `router`.
    package func register(on router: inout HTTPRouter) {
        for endpoint in endpoints {
            for method in [HTTPMethod.post, .get, .delete] { router.on(method, endpoint.server.path, endpoint) }
            router.on(.options, endpoint.server.path, PreflightEndpoint(pages: pages))
        }
        for channel in channels { channel.register(on: &router) }
        guard case .bearer = configuration.authentication else { return }
        ProtectedResourceEndpoint.register(
            resources.servers, besides: resources.others + channels.map(\.steps.authentication.resource), pages: pages,
            authorizationServers: configuration.authorizationServers,
            takesBoundTokens: configuration.proofs != nil, on: &router)
    }

    /// Servers behind HTTP that do not answer and are not asked for a while.
    package var unavailableServers: [String] { circuits.filter(\.circuit.isOpen).map(\.server) }

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
            try? await Task.sleep(for: configuration.limits.revocationSweep)
            for session in directory.all {
                await session.revoke { revocations.status(of: $0) == .revoked }
            }
        }
    }

    /// Stops (F20): no session begins any more, waiting streams end, calls get up to `limit` for their answers and then
    /// an error, all processes are stopped. Returns when nothing is left of them.
    package func drain(within limit: Duration) async {
        directory.startDraining()
        let sessions = directory.all
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { for session in sessions { $0.addTask { await session.drain() } } }
            }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        for session in sessions { await session.vanished() }
        for supervisor in supervisors { await supervisor.stop() }
    }
}
