/// Answers requests.
package protocol HTTPResponder: Sendable {
    /// Runs in the connection's isolation, on its loop: it must not block. The task is cancelled when the client goes
    /// away; the answer is then discarded.
    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse
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
