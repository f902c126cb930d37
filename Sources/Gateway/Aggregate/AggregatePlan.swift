import Crypto
import MCP
import OAuth
import Synchronization
import Telemetry

/// What all sessions of the aggregate have in common.
final class AggregatePlan: Sendable {
    let configuration: AggregateConfiguration
    let limits: GatewayLimits
    /// In the order of the configuration; a place in it is the number of a server.
    let supervisors: [ServerSupervisor]
    let names: ExposedNames
    let uris: ExposedURIs
    /// Nil where everybody may use everything.
    let policy: AccessPolicy?
    /// What it says about each server.
    let access: [ServerAccess?]
    let cursors: AggregateCursors
    let tasks: AggregateTasks
    /// Where icons are for clients; nil where they stay where they are.
    let icons: IconAddresses?
    /// In how many sessions each server is missing.
    let absences: [Gauge]
    /// What each server offered when it was there last: what a session says of servers that are not there yet.
    private let offers: Mutex<[Int: AggregateCapabilities]>

    init(
        _ configuration: AggregateConfiguration, _ supervisors: [ServerSupervisor], policy: AccessPolicy?,
        limits: GatewayLimits, sealing: SealingKey,
        icons: IconAddresses?, metrics: MetricsRegistry
    ) {
        self.icons = icons
        self.configuration = configuration
        self.limits = limits
        self.supervisors = supervisors
        let servers = supervisors.map(\.server.name)
        names = ExposedNames(servers: servers, separator: configuration.separator)
        uris = ExposedURIs(servers: servers)
        self.policy = policy
        access = servers.map { policy?.server($0) }
        let epoch = SHA256.digest(Array((servers + [configuration.separator]).joined(separator: "\n").utf8)).bytes
        cursors = AggregateCursors(key: sealing, epoch: epoch)
        tasks = AggregateTasks(key: sealing)
        absences = servers.map { server in
            metrics.gauge(
                "sallyport_aggregate_absences", help: "Sessions of /mcp in which the server is missing.",
                labels: [("server", server)])
        }
        offers = Mutex([:])
    }

    /// What a server that is not there is taken to offer.
    func offers(of server: Int) -> AggregateCapabilities { offers.withLock { $0[server] } ?? .everything }

    func note(_ capabilities: AggregateCapabilities, of server: Int) {
        offers.withLock { $0[server] = capabilities }
    }

    /// Whether `principal` may use a server at all; to others it does not exist.
    func permits(_ server: Int, _ principal: Principal, _ rights: AccessRights?) -> Bool {
        if let access = access[server], let rights, !access.isUsable(by: rights) { return false }
        return supervisors[server].server.requiredScopes.allSatisfy { principal.scope.tokens.contains($0) }
    }

    /// To whom cursors and tasks belong.
    static func holder(_ principal: Principal) -> [UInt8] {
        Array("\(principal.user.value.utf8.count):\(principal.user.value)\(principal.client.value)".utf8)
    }
}
