import AuthorizationServer
import HTTP

/// Stands before the router with `routing: subdomain`: of each server's host it knows what is there, and nothing else is.
/// Hosts that are nobody's go on to the router, where none is answered but the one of `public_url` (H06).
struct ServiceHosts: HTTPResponder {
    private let routers: [String: HTTPRouter]
    private let next: any HTTPResponder

    /// Nil where all servers are at paths. `common` is there at every host.
    init?(
        _ plan: ServingPlan, gateway: GatewayAssembly, service: AuthorizationService?, common: HTTPRouter,
        before next: any HTTPResponder
    ) {
        var routers: [String: HTTPRouter] = [:]
        for site in plan.endpoints.compactMap(\.site) {
            var router = common
            if let issuer = plan.configuration.publicURL {
                service?.register(forResourceAt: site, of: issuer, on: &router)
            }
            gateway.register(at: site, on: &router)
            for authority in HostPolicy.authorities(of: site) { routers[authority] = router }
        }
        guard !routers.isEmpty else { return nil }
        self.routers = routers
        self.next = next
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        if let router = routers[request.authority] { return await router.respond(to: request, body: body) }
        return await next.respond(to: request, body: body)
    }
}
