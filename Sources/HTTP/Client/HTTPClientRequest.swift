/// A request of our own.
package struct HTTPClientRequest: Sendable {
    /// What is sent.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Sent chunked, one element at a time: the next is asked for when the last is on its way. Nil ends it.
        case stream(@Sendable () async throws -> [UInt8]?)
    }

    package var method: HTTPMethod
    package var url: HTTPURL
    package var fields: HTTPFields
    package var body: Body

    package init(
        method: HTTPMethod = .get, url: HTTPURL, fields: HTTPFields = HTTPFields(), body: Body = .none
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
    }
}
