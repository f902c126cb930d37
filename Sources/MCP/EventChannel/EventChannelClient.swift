package import AsyncIO
package import HTTP
import JSON
package import Telemetry

/// One connection of an MCP client to a server of 2024-11-05 (HTTP+SSE): one stream of events, which is the session and
/// brings everything that the server says, and one address to which everything is posted that the client says (d10).
package actor EventChannelClient {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let endpoint: HTTPURL
    let http: any RequestCarrier
    let authorizer: any RequestAuthorizer
    let settings: StreamableHTTPSettings
    let logger: Logger
    let explain: StreamableHTTPClient.Explanation
    let deliver: StreamableHTTPClient.Delivery
    /// Called when the stream has ended, once.
    let lost: @Sendable () async -> Void

    /// Where messages are posted; nil before the server said it.
    var inbox: HTTPURL?
    var stream: Task<Void, Never>?
    var errands: [Int: Task<Void, Never>] = [:]
    var lastErrand = 0
    var lists = ListMemory()
    /// Requests of the client for what is remembered, until they are answered.
    var noted: [JSONRPCID: JSONRPCMessage] = [:]
    /// Counts requests of our own.
    var lastOwn = 0
    /// What the server said to the last of them.
    var ownAnswer: JSONDocument?
    var isClosed = false

    package init(
        endpoint: HTTPURL, http: any RequestCarrier, authorizer: any RequestAuthorizer, logger: Logger,
        settings: StreamableHTTPSettings, explain: @escaping StreamableHTTPClient.Explanation,
        deliver: @escaping StreamableHTTPClient.Delivery, lost: @escaping @Sendable () async -> Void
    ) {
        loop = http.loop
        self.endpoint = endpoint
        self.http = http
        self.authorizer = authorizer
        self.settings = settings
        self.logger = logger
        self.explain = explain
        self.deliver = deliver
        self.lost = lost
    }

    /// Opens the stream and waits until the server has said where to post.
    package func open() async throws(ExchangeFailure) {
        var fields = try await commonFields()
        fields.append("Accept", "text/event-stream")
        let response = try await send(HTTPClientRequest(method: .get, url: endpoint, fields: fields))
        guard response.status == .ok, response.isEventStream else {
            throw ExchangeFailure(
                .status(response.status.code), "\(endpoint.origin) answered \(response.status.code) to a GET")
        }
        var parser = ServerSentEventParser(maximumBytes: settings.maximumMessage)
        while let bytes = try? await response.body.next() {
            guard var events = try? parser.feed(bytes) else { break }
            guard !events.isEmpty else { continue }
            let first = events.removeFirst()
            guard first.event == "endpoint", let address = EndpointEvent.address(first.data, from: endpoint) else {
                throw ExchangeFailure(.unreadable, "\(endpoint.origin) did not say where at \(endpoint.origin) to post")
            }
            inbox = address
            return follow(response, parser, events)
        }
        throw ExchangeFailure(.cut, "\(endpoint.origin) ended the stream before it said where to post")
    }

    /// Takes one message of the client. Returns for a notification and for `initialize` when the server has it.
    package func accept(_ text: [UInt8]) async {
        guard !isClosed, let document = try? JSONDocument(parsing: text),
            let message = try? JSONRPCMessage(document.root)
        else { return }
        note(message)
        guard message.kind == .notification || message.isMethod("initialize") else { return run(message) }
        await post(message)
    }

    func post(_ message: JSONRPCMessage) async {
        do throws(ExchangeFailure) {
            try await put(message)
        } catch {
            guard !Task.isCancelled, !isClosed else { return }
            guard let answer = await explain(error, message), message.kind == .request else { return }
            await deliver(answer.response(to: message.exactID))
        }
    }

    func put(_ message: JSONRPCMessage) async throws(ExchangeFailure) {
        if inbox == nil { try await open() }
        guard let inbox else { return }
        var fields = try await commonFields()
        fields.append("Content-Type", "application/json")
        let response = try await send(
            HTTPClientRequest(
                method: .post, url: inbox, fields: fields, body: .bytes(Array(message.node.bytes)),
                isRepeatable: message.isRepeatable, timeout: settings.acceptTimeout))
        // Which success it is nobody laid down, and the answer does not come this way.
        guard !(200...299).contains(response.status.code) else { return }
        throw ExchangeFailure(.status(response.status.code), "\(endpoint.origin) answered \(response.status.code)")
    }

    private func commonFields() async throws(ExchangeFailure) -> HTTPFields {
        do throws(AuthorizationFailure) {
            var fields = try await authorizer.fields()
            if !fields.contains("user-agent") { fields.append("User-Agent", "sallyport") }
            if let authorization = try await authorizer.authorization() {
                fields.append("Authorization", authorization)
            }
            return fields
        } catch {
            throw ExchangeFailure(.noCredential, error.description)
        }
    }

    private func send(_ request: HTTPClientRequest) async throws(ExchangeFailure) -> HTTPClientResponse {
        do throws(HTTPClientError) {
            return try await http.send(request)
        } catch {
            throw ExchangeFailure(.transport(error.code), "\(endpoint.origin) does not answer: \(error)")
        }
    }

    func take(_ events: [ServerSentEvent]) async {
        for event in events where (event.event ?? "message") == "message" && !event.data.isEmpty {
            guard let document = try? JSONDocument(parsing: event.data), !takesOwn(document) else { continue }
            remember(document)
            await deliver(JSONText.compacted(document))
        }
    }
}
