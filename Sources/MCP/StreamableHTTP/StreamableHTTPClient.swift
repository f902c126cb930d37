package import AsyncIO
package import HTTP
import JSON
package import Telemetry

/// One connection of a local MCP client to a remote server over Streamable HTTP, both eras: messages of the client go in
/// as they are, messages of the server come out as they are (d1, d5–d9).
///
/// Keeps what the transport needs and nothing of the protocol above it: the session id and the revision that
/// `initialize` agreed on, the position in each event stream, which tool arguments are mirrored into headers. A session
/// that the server has forgotten is begun again (d8); a stream that breaks is resumed where it can be.
package actor StreamableHTTPClient {
    /// Takes one message of the server, JSON text on one line without its end. Awaited, so that a slow reader slows the
    /// server.
    package typealias Delivery = @Sendable ([UInt8]) async -> Void

    /// Most requests without an answer.
    static let maximumOpen = 1024
    /// Longest message of the server.
    static let maximumMessage = 16 << 20

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    let endpoint: HTTPURL
    let http: HTTPClient
    let authorizer: any RequestAuthorizer
    let deliver: Delivery
    let logger: Logger

    /// What the server calls this session; nil before `initialize`, in the modern era, and where it keeps none.
    var session: String?
    /// What `initialize` agreed on.
    var version: String?
    /// Counts sessions, so that of several requests that find theirs gone one begins the next.
    var sessionNumber = 0
    /// The client's `initialize`, to begin again with.
    var greeting: [UInt8]?
    var tools = ToolParameterHeaders()
    /// Requests without an answer.
    var open: [JSONRPCID: Task<Void, Never>] = [:]
    var stream: Task<Void, Never>?
    /// Under way while another session is begun in the place of one that is gone.
    var renewal: Task<Void, Never>?
    var isClosed = false

    /// `http` should set no limit on time and size of an exchange: streams have neither.
    package init(
        endpoint: HTTPURL, http: HTTPClient, authorizer: any RequestAuthorizer, logger: Logger,
        deliver: @escaping Delivery
    ) {
        loop = http.loop
        self.endpoint = endpoint
        self.http = http
        self.authorizer = authorizer
        self.logger = logger
        self.deliver = deliver
    }

    /// Takes one message of the client. Returns for a request as soon as it is on its way, for others when the server
    /// has them: what follows a notification finds it done.
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
        case .response: await exchange(message)
        case .notification:
            if isModernCancellation(message) { return }
            await exchange(message)
            if message.isMethod("notifications/initialized") { listen() }
        }
    }

    /// How many requests wait.
    package var openRequests: Int { open.count }

    /// In the modern era, closing the response stream is what cancels (c21, d6).
    private func isModernCancellation(_ message: JSONRPCMessage) -> Bool {
        guard message.isMethod("notifications/cancelled"), version == nil,
            let id = message.params?["requestId"].flatMap({ JSONRPCID($0) }), let task = open[id]
        else { return false }
        task.cancel()
        return true
    }

    private func begin(_ message: JSONRPCMessage) async {
        guard let id = message.exactID else { return }
        guard open[id] == nil, open.count < Self.maximumOpen else {
            let reason = open[id] == nil ? "Too many requests wait for an answer" : "The id is in use"
            return await deliver(JSONRPCError(.invalidRequest, reason).response(to: id))
        }
        if message.isMethod("initialize") {
            greeting = Array(message.node.bytes)
            // Nothing else may go before it is answered (c50), and its answer names the session.
            return await exchange(message)
        }
        start(message, id)
    }
}
