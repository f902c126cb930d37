package import AsyncIO
package import HTTP
package import JSON

/// The two ways out: to hosts that the operator named, and to hosts that somebody else named (A15).
///
/// Both belong to one loop. No redirect is followed, nothing is decompressed, 1 MiB and ten seconds are the limit (I07).
package struct OutboundClients: Sendable {
    /// Any address, plain http too: for what stands in the configuration.
    package let configured: HTTPClient
    /// Public addresses and https alone: for what a document names.
    package let publicOnly: HTTPClient

    /// Pairs two clients of one loop.
    package init(configured: HTTPClient, publicOnly: HTTPClient) {
        self.configured = configured
        self.publicOnly = publicOnly
    }
}

/// Asks one other server for JSON, within bounds that a hostile answer cannot move (I07).
package struct OutboundDocuments: Sendable {
    /// An answer whose body is JSON.
    package struct Answer: Sendable {
        /// The status, whatever it is: OAuth errors come as JSON as well.
        package let status: HTTPStatus
        /// The head.
        package let fields: HTTPFields
        /// The outermost value.
        package let root: JSONNode
    }

    private static let limits = JSONLimits(maximumDepth: 32, maximumBytes: 1 << 20, maximumValues: 1 << 16)

    private let clients: OutboundClients
    private let home: String

    /// `home` is what the operator named: its scheme, host and port. Everything else, which only documents of it can name,
    /// must be public, another port of the same host too: a provider cannot point us at the network that we stand in (I06).
    package init(home: HTTPURL, clients: OutboundClients) {
        self.home = home.origin
        self.clients = clients
    }

    /// Where the clients run.
    package var loop: EventLoop { clients.configured.loop }

    /// A GET whose answer is JSON.
    package func get(
        _ url: HTTPURL, fields: HTTPFields = HTTPFields()
    ) async throws(DocumentFailure) -> Answer {
        try await exchange(HTTPClientRequest(url: url, fields: accepting(fields)))
    }

    /// A form by POST whose answer is JSON.
    package func post(
        _ url: HTTPURL, form: [(String, String)], fields: HTTPFields = HTTPFields()
    ) async throws(DocumentFailure) -> Answer {
        var fields = accepting(fields)
        fields.append("Content-Type", "application/x-www-form-urlencoded")
        return try await exchange(
            HTTPClientRequest(
                method: .post, url: url, fields: fields, body: .bytes(Array(FormParameters.encoded(form).utf8))))
    }

    /// JSON by POST whose answer is JSON.
    package func post(_ url: HTTPURL, json: JSONValue) async throws(DocumentFailure) -> Answer {
        var fields = accepting(HTTPFields())
        fields.append("Content-Type", "application/json")
        return try await exchange(
            HTTPClientRequest(method: .post, url: url, fields: fields, body: .bytes(json.serialized())))
    }

    private func accepting(_ fields: HTTPFields) -> HTTPFields {
        var fields = fields
        if !fields.contains("accept") { fields.append("Accept", "application/json") }
        fields.append("User-Agent", "sallyport")
        return fields
    }

    private func exchange(_ request: HTTPClientRequest) async throws(DocumentFailure) -> Answer {
        let origin = request.url.origin
        let client = origin.utf8.elementsEqual(home.utf8) ? clients.configured : clients.publicOnly
        let response: HTTPClientResponse
        let bytes: [UInt8]
        do throws(HTTPClientError) {
            response = try await client.send(request)
            bytes = try await response.body.collect(upTo: Self.limits.maximumBytes)
        } catch {
            throw Self.failure(error, origin)
        }
        do throws(JSONSyntaxError) {
            let document = try JSONDocument(parsing: bytes, limits: Self.limits)
            return Answer(status: response.status, fields: response.fields, root: document.root)
        } catch {
            guard (200..<300).contains(response.status.code) else {
                throw DocumentFailure(
                    .status(response.status.code), "\(origin) answered \(response.status.code)")
            }
            throw DocumentFailure(.malformed, "\(origin) sent something that is not JSON")
        }
    }

    private static func failure(_ error: HTTPClientError, _ origin: String) -> DocumentFailure {
        switch error.code {
        case .refused: DocumentFailure(.untrusted, "\(origin): \(error)")
        case .tooLarge, .invalidResponse: DocumentFailure(.malformed, "\(origin): \(error)")
        case .busy, .unresolved, .connectFailed, .tlsFailed, .timeout, .disconnected, .cancelled:
            DocumentFailure(.unavailable, "\(origin): \(error)")
        }
    }
}
