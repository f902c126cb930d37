package import AsyncIO
package import HTTP

/// What sends the requests of a client of a remote server: an HTTP client, or something that stands before one and knows
/// when to try again.
package protocol RequestCarrier: Sendable {
    /// Where it works, and where the clients that use it live.
    var loop: EventLoop { get }

    /// Sends `request` and answers as soon as the head of the answer is there. Cancelling the calling task ends it.
    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse
}

extension HTTPClient: RequestCarrier {}
