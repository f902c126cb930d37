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

    /// Whoever answers in the end.
    func last(for request: inout HTTPRequest) -> any HTTPResponder {
        guard var last = successor(for: &request) else { return self }
        while let next = last.successor(for: &request) { last = next }
        return last
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
