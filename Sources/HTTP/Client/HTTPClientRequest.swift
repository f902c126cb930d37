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
    /// Whether it does no harm when the peer gets it twice. One that must not be repeated is not sent again either where a
    /// pooled connection turns out to be closed after the body went out: the peer may have acted on it.
    package var isRepeatable: Bool
    /// For the whole exchange, in the place of the policy's.
    package var timeout: Duration?

    package init(
        method: HTTPMethod = .get, url: HTTPURL, fields: HTTPFields = HTTPFields(), body: Body = .none,
        isRepeatable: Bool = true, timeout: Duration? = nil
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.isRepeatable = isRepeatable
        self.timeout = timeout
    }
}
