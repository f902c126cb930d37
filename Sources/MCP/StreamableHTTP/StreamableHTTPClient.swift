package import AsyncIO
package import HTTP
import JSON
package import Telemetry

/// One connection of an MCP client to a remote server over Streamable HTTP, both eras: messages of the client go in as they
/// are, messages of the server come out as they are (d1, d5–d9).
///
/// Keeps what the transport needs and nothing of the protocol above it: the session id and the revision that
/// `initialize` agreed on, the position in each event stream, which tool arguments are mirrored into headers. A session
/// that the server has forgotten is begun again (d8); a stream that breaks is resumed where it can be.
package actor StreamableHTTPClient {
    /// Takes one message of the server, JSON text on one line without its end. Awaited, so that a slow reader slows the
    /// server.
    package typealias Delivery = @Sendable ([UInt8]) async -> Void
    /// Says what the sender of a message without an answer is told; nil for nothing.
    package typealias Explanation = @Sendable (ExchangeFailure, JSONRPCMessage) async -> JSONRPCError?

    /// Most requests without an answer.
    static let maximumOpen = 1024

    /// A request without an answer.
    struct OpenRequest {
        let task: Task<Void, Never>
        /// Whether closing the response stream is what cancels it (c21, d6).
        let isModern: Bool
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let endpoint: HTTPURL
    let http: any RequestCarrier
    let authorizer: any RequestAuthorizer
    let settings: StreamableHTTPSettings
    let deliver: Delivery
    let explain: Explanation
    let logger: Logger

    /// What the server calls this session; nil before `initialize`, in the modern era, and where it keeps none.
    var session: String?
    /// What `initialize` agreed on.
    var version: String?
    /// The revision that requests of the modern era claim, once the server has answered one.
    var claim: String?
    /// Counts sessions, so that of several requests that find theirs gone one begins the next.
    var sessionNumber = 0
    /// The client's `initialize`, to begin again with.
    var greeting: [UInt8]?
    /// What else the next session must be told.
    var memory = SessionMemory()
    var tools = ToolParameterHeaders()
    var questions = OpenQuestions()
    var lists = ListMemory()
    /// Counts requests of our own.
    var lastOwn = 0
    /// What the server said to the last of them.
    var ownAnswer: JSONDocument?
    var open: [JSONRPCID: OpenRequest] = [:]
    /// Answers of the client, and cancellations, on their way.
    var errands: [Int: Task<Void, Never>] = [:]
    var lastErrand = 0
    var stream: Task<Void, Never>?
    /// Whether the server of a legacy session has a stream for what it says of its own accord; nil before it said so.
    var hasGeneralStream: Bool?
    /// Under way while another session is begun in the place of one that is gone.
    var renewal: Task<Void, Never>?
    var isClosed = false

    /// `http` should set no limit on time and size of an exchange: streams have neither.
    package init(
        endpoint: HTTPURL, http: any RequestCarrier, authorizer: any RequestAuthorizer, logger: Logger,
        settings: StreamableHTTPSettings = .init(),
        explain: @escaping Explanation = { failure, _ in JSONRPCError(.internalError, failure.reason) },
        deliver: @escaping Delivery
    ) {
        loop = http.loop
        self.endpoint = endpoint
        self.http = http
        self.authorizer = authorizer
        self.settings = settings
        self.logger = logger
        self.explain = explain
        self.deliver = deliver
    }

    /// Takes one message of the client. Returns for a request as soon as it is on its way, for `initialize` when it is
    /// answered, for a notification when the server has it: what follows finds it done.
    package func accept(_ text: [UInt8]) async {
        guard !isClosed else { return }
        let message: JSONRPCMessage
        do {
            message = try JSONRPCMessage(try JSONDocument(parsing: text).root)
        } catch {
            return await deliver(
                JSONRPCError(.parseError, "A line is no JSON-RPC message: \(error)").response(to: nil))
        }
        switch message.kind {
        case .request: await begin(message)
        case .response:
            // To a session that is gone nothing can be answered.
            guard let id = message.exactID, questions.takeAnswer(id, for: sessionNumber) else { return }
            run(message, of: sessionNumber)
        case .notification:
            if message.isMethod("notifications/cancelled") { return cancel(message) }
            await exchange(message)
            if message.isMethod("notifications/initialized") { listen() }
        }
    }

    /// How many requests wait.
    package var openRequests: Int { open.count }

    /// Ends a request in the way of its era; afterwards nothing of it is under way.
    private func cancel(_ message: JSONRPCMessage) {
        let id = message.params?["requestId"].flatMap { JSONRPCID($0) }
        let request = id.flatMap { open[$0] }
        if let request, request.isModern { return request.task.cancel() }
        // A legacy server must be told, and may answer nothing (c55): the stream is ours to close.
        run(message, thenCancelling: request?.task)
    }

    private func begin(_ message: JSONRPCMessage) async {
        guard let id = message.exactID else { return }
        guard open[id] == nil, open.count < Self.maximumOpen else {
            let reason = open[id] == nil ? "Too many requests wait for an answer" : "The id is in use"
            return await deliver(JSONRPCError(.invalidRequest, reason).response(to: id))
        }
        start(message, id)
        guard message.isMethod("initialize") else { return memory.note(message) }
        greeting = Array(message.node.bytes)
        memory = SessionMemory()
        // Nothing else may go before it is answered (c50), and its answer names the session.
        await open[id]?.task.value
    }
}
