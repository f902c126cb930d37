import HTTP
import JSON
import OAuth

/// `/.well-known/oauth-protected-resource…` (RFC 9728 §3): one document per endpoint, at every position where clients
/// look for it.
struct ProtectedResourceEndpoint: HTTPResponder {
    static let wellKnown = "/.well-known/oauth-protected-resource"

    let resource: ProtectedResource
    let pages: CrossOriginPolicy
    /// Our own authorization server, where clients do not know it by the name of the resource.
    let issuer: String?
    let authorizationServers: AuthorizationServers
    let takesBoundTokens: Bool

    /// Registers the documents of all resources. At the root only what truly describes one resource (b2, b3); those
    /// `besides`, the older transports of the same servers, are not counted there.
    static func register(
        _ resources: [ProtectedResource], besides others: [ProtectedResource], pages: CrossOriginPolicy,
        issuer: String?, authorizationServers: AuthorizationServers,
        takesBoundTokens: Bool, on router: inout HTTPRouter
    ) {
        for (position, resource) in (resources + others).enumerated() {
            let endpoint = ProtectedResourceEndpoint(
                resource: resource, pages: pages, issuer: issuer, authorizationServers: authorizationServers,
                takesBoundTokens: takesBoundTokens)
            router.on(.get, wellKnown + resource.path, endpoint)
            router.on(.get, resource.path + wellKnown, endpoint)
            if position == 0, resources.count == 1 { router.on(.get, wellKnown, endpoint) }
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try pages.originIgnoringPage(request)
            let metadata = ProtectedResourceMetadata(
                resource: origin.uri(path: resource.path),
                authorizationServers: authorizationServers.issuers(at: issuer ?? origin.description),
                scopes: resource.scopes, name: resource.name, takesBoundTokens: takesBoundTokens)
            var response = HTTPResponse.json(.ok, metadata.json().serialized())
            // Public, and needed by clients that run in a page.
            response.fields.append("Access-Control-Allow-Origin", "*")
            response.fields.append("Cache-Control", "no-cache")
            return response
        } catch {
            return error.response
        }
    }
}
