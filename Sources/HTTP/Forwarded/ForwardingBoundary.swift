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
        let read = proxies.read(request)
        if read.forwarded != nil { read.account?.passedOn(read) }
        return await next.respond(to: read, body: body)
    }
}
