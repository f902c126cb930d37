import AsyncIO
import MCP
import OAuth
import Telemetry

/// One server, or all of them as one, with what its sessions live by: what outlasts a change of the configuration.
struct GatewayBranch: Sendable {
    let supervisor: ServerSupervisor
    /// The sessions that it has for modern clients.
    let bridge: BridgePool
    /// Whether it starts.
    var starts: StartRecord { supervisor.starts }
    /// How many processes of it run.
    var processes: Gauge?
    /// Of a server behind HTTP.
    var circuit: UpstreamCircuit?
    /// Which definitions of its tools are approved; nil where nobody looks at them.
    var book: PinBook?
}

/// Makes the branches of a configuration.
struct BranchBuilder {
    let surroundings: LegacySession.Surroundings
    let slots: ProcessSlots
    private let configuration: GatewayConfiguration
    private let quotas: PrincipalQuotas
    private let loops: EventLoopGroup

    init(
        _ configuration: GatewayConfiguration, directory: SessionDirectory, quotas: PrincipalQuotas,
        slots: ProcessSlots, loops: EventLoopGroup
    ) {
        self.configuration = configuration
        self.quotas = quotas
        self.slots = slots
        self.loops = loops
        surroundings = LegacySession.Surroundings(
            limits: configuration.limits, directory: directory,
            observer: GatewayObserver(audit: configuration.audit, clock: configuration.clock),
            states: RequestStates(
                key: configuration.sealing, clock: configuration.clock, lifetime: configuration.limits.answerTimeout),
            tasks: TaskHandles(key: configuration.sealing),
            policy: configuration.access.map { AccessPolicy($0, servers: configuration.servers.map(\.name)) },
            icons: IconAddresses(configuration), allowsSecretForms: configuration.allowsSecretForms)
    }

    /// A server, which is not started.
    func branch(_ server: ServerDefinition) -> GatewayBranch {
        let book = book(of: server)
        let starts = StartRecord(server: server.name, clock: configuration.clock, in: configuration.metrics)
        func pinned(_ upstream: any Upstream) -> any Upstream { book.map { PinnedUpstream(upstream, $0) } ?? upstream }
        guard let remote = server.remote else {
            let loop = loops.next()
            let program = StdioUpstream(server, configuration, slots, starts, on: loop)
            var spoken: any Upstream = EraUpstream(pinned(program), server)
            if server.isolation != .session {
                spoken = SharedUpstream(spoken, server, configuration, slots, starts, on: loop)
            }
            var branch = branch(server, spoken, slots, starts)
            branch.processes = ProcessMetrics.running(of: server.name, in: configuration.metrics)
            branch.book = book
            return branch
        }
        let there = HTTPUpstream(server, remote, configuration)
        var branch = branch(server, EraUpstream(pinned(there), server), slots, starts)
        branch.circuit = there.circuit
        branch.book = book
        return branch
    }

    private func book(of server: ServerDefinition) -> PinBook? {
        guard server.pin != .off else { return nil }
        return PinBook(
            server: server.name, mode: server.pin, audit: configuration.audit, clock: configuration.clock,
            metrics: configuration.metrics)
    }

    /// All of `branches` as one. Its sessions have no process of their own; those of the servers count where they are started.
    func branch(_ aggregate: AggregateConfiguration, over branches: [GatewayBranch]) -> GatewayBranch {
        let plan = AggregatePlan(
            aggregate, branches.map(\.supervisor), policy: surroundings.policy, limits: configuration.limits,
            sealing: configuration.sealing, icons: surroundings.icons, metrics: configuration.metrics)
        let server = aggregate.definition(of: configuration.servers, configuration.limits)
        return branch(
            server, AggregateUpstream(plan: plan), ProcessSlots(configuration.limits),
            StartRecord(server: server.name, clock: configuration.clock, in: configuration.metrics),
            members: configuration.servers.map(\.name))
    }

    private func branch(
        _ server: ServerDefinition, _ upstream: any Upstream, _ slots: ProcessSlots, _ starts: StartRecord,
        members: [String]? = nil
    ) -> GatewayBranch {
        let supervisor = ServerSupervisor(
            server, upstream, members: members, slots: slots, quotas: quotas, surroundings: surroundings,
            metrics: configuration.metrics, starts: starts, loops: loops)
        return GatewayBranch(
            supervisor: supervisor,
            bridge: BridgePool(
                supervisor, directory: surroundings.directory,
                maximum: configuration.limits.bridgedSessionsPerClient))
    }
}
