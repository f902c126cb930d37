import HTTP
import JSON

/// Stands before `/live`, `/health`, `/ready` and `/metrics` where `metrics` says who sees what is in them. Everybody else learns
/// whether the gateway lives and serves, which a balancer has to know, and nothing more.
struct OperationAccess: Sendable {
    private let settings: MetricsSettings
    private let everything: HTTPRouter
    private let isOperator: @Sendable (HTTPRequest) -> Bool

    init(_ operations: OperationEndpoints, _ settings: MetricsSettings) {
        var router = HTTPRouter()
        operations.register(on: &router)
        everything = router
        self.settings = settings
        isOperator = operations.isOperator
    }

    /// Puts them on the router of the servers.
    func register(on router: inout HTTPRouter) {
        // An address of their own takes the numbers away from here, whoever asks.
        let everybody = settings.listen == nil
        for path in OperationEndpoints.paths {
            router.on(.get, path) { request, body in
                await answer(to: request, body, isOpen: everybody && settings.admits(request.remoteAddress))
            }
        }
        // For the operator alone, who is told so.
        router.on(.post, "/health") { request, body in await everything.respond(to: request, body: body) }
    }

    /// Answers at an address of their own.
    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        await answer(to: request, body, isOpen: settings.admits(request.remoteAddress))
    }

    private func answer(to request: HTTPRequest, _ body: HTTPRequestBody, isOpen: Bool) async -> HTTPResponse {
        // Commands of the operator come by the address that clients use.
        if isOpen || request.path == "/health" && isOperator(request) {
            return await everything.respond(to: request, body: body)
        }
        switch request.path {
        case "/live": return await everything.respond(to: request, body: body)
        case "/health":
            return .json(.ok, JSONValue.object([.init("status", "ok")]).serialized())
        case "/ready":
            let isReady = await everything.respond(to: request, body: body).status == .ok
            return isReady ? .text(.ok, "ready") : .text(.serviceUnavailable, "not ready")
        default:
            return .text(.notFound, "There is nothing at this address.")
        }
    }
}

/// What answers at `metrics.listen`: as the configuration has it now.
struct OperationListener: HTTPResponder {
    let live: LiveAssembly

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        await live.current.operations.respond(to: request, body: body)
    }
}
