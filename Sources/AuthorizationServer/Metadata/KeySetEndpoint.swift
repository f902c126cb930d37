import HTTP
import OAuth

/// `/jwks` (RFC 7517 §5): the public half of every key that verifies.
struct KeySetEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/jwks", self)
        router.on(.options, "/jwks", Preflight(methods: "GET"))
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            _ = try service.openOrigin(of: request)
            // Short: a rotated key must be known before it signs.
            return JSONAnswer.make(.ok, bytes: service.keyring.keySet.json(), cacheControl: "public, max-age=60")
        } catch {
            return service.answer(for: error, request: request)
        }
    }
}
