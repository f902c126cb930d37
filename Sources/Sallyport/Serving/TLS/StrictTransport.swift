import HTTP

/// Stands before everything else where TLS ends here, and tells browsers to come back by https alone (RFC 6797).
struct StrictTransport: HTTPResponder {
    /// A year; browsers begin to count anew with every answer.
    private static let policy = "max-age=31536000"

    private let next: any HTTPResponder

    /// Nil where there is nothing to say: a policy is for names, and `localhost` belongs to others as well.
    init?(for publicURL: HTTPURL?, before next: any HTTPResponder) {
        guard let host = publicURL?.host, case .name = host, !host.isLoopback else { return nil }
        self.next = next
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        var response = await next.respond(to: request, body: body)
        response.fields.append("Strict-Transport-Security", Self.policy)
        return response
    }
}
