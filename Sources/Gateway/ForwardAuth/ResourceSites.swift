package import HTTP
import JSON
package import OAuth

/// What clients look for at the host of a resource that stands elsewhere, when the proxy hands `/.well-known/` of that host
/// on to us: the resource's metadata (RFC 9728 §3), and for clients of 2025-03-26 ours (RFC 8414).
///
/// Stands before the router, because there the same paths belong to our own endpoints. Only hosts of the configuration
/// count: a hostile `Host` finds nothing (R07).
package struct ResourceSites: HTTPResponder {
    private static let wellKnown = "/.well-known/"

    private let documents: [String: HTTPResponse]
    private let ownAuthority: [String: String]
    private let next: any HTTPResponder

    /// `publicURL` is our own address, `servers` whose tokens are taken; what is not for a resource elsewhere goes to `next`.
    package init(
        _ directory: any ProtectedResourceDirectory, publicURL: HTTPURL,
        servers: AuthorizationServers = AuthorizationServers(), before next: any HTTPResponder
    ) {
        var documents: [String: HTTPResponse] = [:]
        var ownAuthority: [String: String] = [:]
        let issuer = ServerOrigin(publicURL).description
        let external = directory.all.filter(\.isElsewhere)
        for resource in external {
            let authorities = Self.authorities(resource)
            let isAlone = external.filter { $0.origin == resource.origin }.count == 1
            let document = Self.document(resource, issuer: issuer, servers: servers.issuers(at: issuer))
            for authority in authorities {
                documents[authority + ProtectedResourceEndpoint.wellKnown + resource.path] = document
                documents[authority + resource.path + ProtectedResourceEndpoint.wellKnown] = document
                if isAlone, resource.origin != issuer {
                    documents[authority + ProtectedResourceEndpoint.wellKnown] = document
                }
                if resource.origin != issuer {
                    ownAuthority[authority] = String(issuer.drop { $0 != "/" }.dropFirst(2))
                }
            }
        }
        self.documents = documents
        self.ownAuthority = ownAuthority
        self.next = next
    }

    package func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        guard
            request.path.utf8.starts(with: Self.wellKnown.utf8)
                || request.path.hasSuffix(ProtectedResourceEndpoint.wellKnown)
        else { return await next.respond(to: request, body: body) }
        if let document = documents[request.authority + request.path] {
            switch request.method {
            case .get, .head: return document
            case .options: return Self.preflight
            default: return HTTPResponse(status: .methodNotAllowed, fields: ["Allow": "GET, HEAD, OPTIONS"])
            }
        }
        var request = request
        if let own = ownAuthority[request.authority], Self.isServerMetadata(request.path) { request.authority = own }
        return await next.respond(to: request, body: body)
    }

    private static func isServerMetadata(_ path: String) -> Bool {
        path.hasPrefix("/.well-known/oauth-authorization-server") || path.hasPrefix("/.well-known/openid-configuration")
    }

    /// As a client may write it in `Host`, with and without the scheme's own port.
    private static func authorities(_ resource: ProtectedResource) -> [String] {
        // Origins come from the configuration, which has parsed them.
        guard let url = resource.origin.flatMap({ try? HTTPURL($0) }) else { return [] }
        return HostPolicy.authorities(of: url)
    }

    private static func document(_ resource: ProtectedResource, issuer: String, servers: [String]) -> HTTPResponse {
        let metadata = ProtectedResourceMetadata(
            resource: resource.identifier(at: issuer), authorizationServers: servers, scopes: resource.scopes,
            name: resource.name)
        var response = HTTPResponse.json(.ok, metadata.json().serialized())
        response.fields.append("Access-Control-Allow-Origin", "*")
        response.fields.append("Cache-Control", "no-cache")
        return response
    }

    private static let preflight = HTTPResponse(
        status: .noContent,
        fields: [
            "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, MCP-Protocol-Version",
        ])
}
