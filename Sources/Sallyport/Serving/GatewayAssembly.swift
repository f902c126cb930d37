import AsyncIO
import AuthorizationServer
import HTTP
import OAuth
import Telemetry

/// The gateway as configured.
struct GatewayAssembly: Sendable {
    init(
        _ plan: ServingPlan, hosts: HostPolicy, service: AuthorizationService?, audit: any AuditLog,
        group: EventLoopGroup, directory: ServerDirectory
    ) {}

    /// Puts the MCP endpoints on the router.
    func register(on router: inout HTTPRouter) {}

    /// Answers what is in flight and stops the servers.
    func drain(within limit: Duration) async {}
}
