/// The answer to a request of our own; the body is still on the wire.
package struct HTTPClientResponse: Sendable {
    package let status: HTTPStatus
    package let fields: HTTPFields
    package let body: HTTPClientBody
}

/// A body that is read as it arrives. While nobody reads, the peer is made to wait after 256 KiB. Letting go of it
/// ends the transfer.
package final class HTTPClientBody: Sendable {
    private let client: HTTPClient
    private let transfer: HTTPClient.TransferID

    init(client: HTTPClient, transfer: HTTPClient.TransferID) {
        self.client = client
        self.transfer = transfer
    }

    deinit { client.abandon(transfer) }

    /// The next part; nil at the end. Throws where the transfer failed, was cut or grew over the policy's limit.
    package func next() async throws(HTTPClientError) -> [UInt8]? {
        try await client.next(transfer)
    }

    /// Everything, where it is no more than `limit` bytes.
    package func collect(upTo limit: Int) async throws(HTTPClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try await next() {
            guard bytes.count + part.count <= limit else {
                client.abandon(transfer)
                throw HTTPClientError(.tooLarge, "more than \(limit) bytes")
            }
            bytes += part
        }
        return bytes
    }
}
