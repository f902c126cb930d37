/// Answers requests.
package protocol HTTPResponder: Sendable {
    /// Runs in the connection's isolation, on its loop: it must not block. The task is cancelled when the client goes
    /// away; the answer is then discarded.
    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse

    /// Who answers in the place of this one, which then adds nothing to the answer; nil where it answers itself. What passes
    /// on in this way need not be waited for.
    func successor(for request: inout HTTPRequest) -> (any HTTPResponder)?
}

extension HTTPResponder {
    package func successor(for request: inout HTTPRequest) -> (any HTTPResponder)? { nil }

    /// The answer of this responder or of whoever it passes the request on to.
    func answer(_ request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var request = request
        guard var last = successor(for: &request) else { return await respond(to: request, body: body) }
        while let next = last.successor(for: &request) { last = next }
        return await last.respond(to: request, body: body)
    }
}

/// A responder made of a closure.
package struct HTTPHandler: HTTPResponder {
    private let handler: @Sendable (HTTPRequest, HTTPRequestBody) async -> HTTPResponse

    /// Answers by calling `handler`.
    package init(_ handler: @escaping @Sendable (HTTPRequest, HTTPRequestBody) async -> HTTPResponse) {
        self.handler = handler
    }

    /// Calls the closure.
    package func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        await handler(request, body)
    }
}
