/// A response. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's business: it writes them
/// itself and leaves out what is in ``fields`` under these names.
package struct HTTPResponse: Sendable {
    /// The content.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Written piece by piece, chunked. When the closure throws, the connection is cut so that the client sees that
        /// the content is incomplete.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
    }

    /// A final status: 1xx becomes 500.
    package var status: HTTPStatus
    /// The header fields for the client.
    package var fields: HTTPFields
    /// The content; not sent for HEAD, 204 and 304.
    package var body: Body

    /// A response, without content unless given.
    package init(status: HTTPStatus, fields: HTTPFields = HTTPFields(), body: Body = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Plain text for people: a line that says what happened.
    package static func text(_ status: HTTPStatus, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, fields: textFields, body: .bytes(Array("\(text)\n".utf8)))
    }

    /// JSON that is already text.
    package static func json(_ status: HTTPStatus, _ bytes: [UInt8]) -> HTTPResponse {
        HTTPResponse(status: status, fields: jsonFields, body: .bytes(bytes))
    }

    private static let textFields: HTTPFields = [
        "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
    ]

    private static let jsonFields: HTTPFields = [
        "Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
    ]
}
