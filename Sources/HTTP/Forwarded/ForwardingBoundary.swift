/// Stands before the router and reads what trusted proxies say.
package struct ForwardingBoundary: HTTPResponder {
    private let proxies: TrustedProxies
    private let next: any HTTPResponder

    /// Hands requests on to `next`.
    package init(_ proxies: TrustedProxies, before next: any HTTPResponder) {
        self.proxies = proxies
        self.next = next
    }

    /// Answers by `next`.
    package func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        await next.respond(to: proxies.read(request), body: body)
    }
}
