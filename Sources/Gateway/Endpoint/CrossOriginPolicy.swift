import HTTP

/// `OPTIONS` of an endpoint.
struct PreflightEndpoint: HTTPResponder {
    let pages: CrossOriginPolicy

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse { pages.preflight(request) }
}

/// Which web pages may call, and what they may see of the answer (Fetch, CORS protocol).
struct CrossOriginPolicy: Sendable {
    let hosts: HostPolicy
    /// Whether pages of other programs on this machine may call, see `GatewayConfiguration/allowsLoopbackPages`.
    let allowsLoopbackPages: Bool

    private static let requestHeaders =
        "Authorization, Content-Type, Accept, DPoP, Mcp-Session-Id, MCP-Protocol-Version, Last-Event-ID, Mcp-Method, Mcp-Name, "
        + "traceparent, tracestate"

    private static let maximumParameters = 64

    /// Our origin as the request names it, and the page's, if a page asks.
    func admit(_ request: HTTPRequest) throws(HostRefusal) -> (own: ServerOrigin, page: String?) {
        guard request.fields.contains("origin") else { return (try originWithoutPage(request), nil) }
        do {
            return (try hosts.origin(of: request), request.fields["origin"])
        } catch {
            guard error == .forbiddenOrigin, allowsLoopbackPages, let page = Self.loopbackPage(request) else {
                throw error
            }
            let own = try originIgnoringPage(request)
            guard Self.isLoopback(own.description, orBelow: true) else { throw error }
            return (own, page)
        }
    }

    private final class Known: Sendable {
        let origin: ServerOrigin
        init(_ origin: ServerOrigin) { self.origin = origin }
    }

    /// Our origin as a request names it that no page makes: it follows from the head and the configuration alone.
    private func originWithoutPage(_ request: HTTPRequest) throws(HostRefusal) -> ServerOrigin {
        guard let memory = request.memory else { return try hosts.origin(of: request) }
        if let known = memory.noted(Known.self) { return known.origin }
        let origin = try hosts.origin(of: request)
        return memory.note { Known(origin) }.origin
    }

    /// Our origin for documents that everybody may read.
    func originIgnoringPage(_ request: HTTPRequest) throws(HostRefusal) -> ServerOrigin {
        var request = request
        request.fields.remove("origin")
        return try hosts.origin(of: request)
    }

    private static func loopbackPage(_ request: HTTPRequest) -> String? {
        guard request.fields.count(of: "origin") == 1, let page = request.fields["origin"], isLoopback(page) else {
            return nil
        }
        return page
    }

    /// Whether an origin is `http` on this machine, with any port; of our own names those below `localhost` are, too.
    private static func isLoopback(_ origin: String, orBelow: Bool = false) -> Bool {
        // What cannot be read is not this machine.
        guard let url = try? HTTPURL(origin), url.scheme == .http else { return false }
        let host = url.host.description
        return ["localhost", "127.0.0.1", "[::1]"].contains(host) || orBelow && host.hasSuffix(".localhost")
    }

    /// The same for another host of ours.
    func at(_ site: HTTPURL) -> CrossOriginPolicy {
        CrossOriginPolicy(hosts: hosts.at(site), allowsLoopbackPages: allowsLoopbackPages)
    }

    /// Lets a page read `response`.
    func expose(_ response: inout HTTPResponse, to page: String?) {
        guard let page else { return }
        response.fields.append("Access-Control-Allow-Origin", page)
        response.fields.append("Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate")
        response.fields.append("Vary", "Origin")
    }

    /// The `Mcp-Param-*` that a page asks for (2026-07-28, `x-mcp-header`): their names are those of arguments of tools, so no list has them.
    private static func parameters(_ request: HTTPRequest) -> String {
        request.fields.list("access-control-request-headers").prefix(maximumParameters)
            .filter { $0.lowercased().hasPrefix("mcp-param-") && HTTPFieldName(validating: $0) != nil }
            .map { ", \($0)" }.joined()
    }

    /// The answer to a preflight. It carries no credentials, so none are asked for.
    func preflight(_ request: HTTPRequest) -> HTTPResponse {
        do {
            let page = try admit(request).page
            var response = HTTPResponse(status: .noContent)
            response.fields.append("Allow", "DELETE, GET, OPTIONS, POST")
            if page != nil {
                response.fields.append("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
                response.fields.append("Access-Control-Allow-Headers", Self.requestHeaders + Self.parameters(request))
                response.fields.append("Access-Control-Max-Age", "600")
            }
            expose(&response, to: page)
            return response
        } catch {
            return error.response
        }
    }
}
