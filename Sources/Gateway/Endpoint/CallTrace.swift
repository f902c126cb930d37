import AsyncIO
import HTTP
import JSON
import MCP
import OAuth
import Telemetry

/// The two spans of a request: ours, from the moment that it came, and that of the server's part in it, from the moment when it
/// is handed to the server until the answer comes.
struct CallTrace: Sendable {
    /// Bytes of a tool's name that are kept.
    private static let maximumName = 256

    private let tracer: Tracer
    private let served: OpenSpan
    private let asked: OpenSpan
    private let method: MCPMethod
    /// Who asked us.
    private let client: SocketAddress
    /// What the server gets as `tracestate`: what stood beside the `traceparent` that counts. A trace that begins anew here has
    /// none (W3C Trace Context §4.3).
    let state: String?

    /// The message says where it belongs (`_meta.traceparent`), else its head does.
    init(_ tracer: Tracer, _ message: JSONRPCMessage, _ request: HTTPRequest) {
        self.tracer = tracer
        let parent: TraceContext?
        if let meta = message.params?["_meta"], let own = meta["traceparent"]?.string {
            parent = TraceContext(traceparent: own)
            state = parent.flatMap { _ in TraceState(meta["tracestate"]?.string.map { [$0] } ?? [])?.text }
        } else {
            let fields = request.fields
            // Of two that say different things none is right.
            let own = fields.count(of: "traceparent") == 1 ? fields["traceparent"] : nil
            parent = own.flatMap { TraceContext(traceparent: $0) }
            state = parent.flatMap { _ in TraceState(fields.values("tracestate"))?.text }
        }
        client = request.remoteAddress
        served = tracer.begin(below: parent)
        asked = tracer.begin(below: served.context)
        method = MCPMethod(message.method)
    }

    /// A client may name a tool as it likes, and thousands of spans wait to be sent.
    private static func bounded(_ tool: String) -> String {
        let bytes = tool.utf8
        guard bytes.count > maximumName else { return tool }
        var end = bytes.index(bytes.startIndex, offsetBy: maximumName)
        // Not in the middle of a character.
        while end > bytes.startIndex, bytes[end] & 0xC0 == 0x80 { end = bytes.index(before: end) }
        return String(tool[..<end])
    }

    /// What the server gets as `traceparent`.
    var traceparent: String { asked.context.traceparent }

    /// The call has ended.
    func finish(
        _ record: CallRecord, _ end: CallEnd, _ timing: CallTiming, _ session: LegacySession,
        _ destination: CallDestination?
    ) {
        guard asked.context.isSampled else { return }
        let tool = (destination?.tool ?? record.tool).map(Self.bounded)
        let server = destination?.server ?? session.server.name
        // By the semantic conventions of OpenTelemetry for MCP; a method of nobody's is not let into names.
        let name = tool.map { "\(method.rawValue) \($0)" } ?? method.rawValue
        var attributes: [(key: String, value: TraceSpan.Value)] = [
            ("mcp.method.name", .string(method.rawValue)), ("sallyport.server", .string(server)),
            ("sallyport.request_id", .string(record.requestID.value)),
            ("user.id", .string(session.principal.user.value)),
            ("sallyport.client_id", .string(session.principal.client.value)),
        ]
        if let tool {
            attributes.append(("gen_ai.operation.name", .string("execute_tool")))
            attributes.append(("gen_ai.tool.name", .string(tool)))
        }
        let error = end == .answered ? nil : end.rawValue
        // What never reached the server is no part of its time.
        if let since = timing.sinceAsked {
            tracer.spans.add(
                asked.finished(
                    name, .client, attributes, error: error, began: since, ended: min(since, timing.sinceAnswered)))
        }
        if let address = client.ipAddress {
            attributes.append(("client.address", .string(address.description)))
            // Behind a proxy nobody knows it.
            if client.port != 0 { attributes.append(("client.port", .integer(Int64(client.port)))) }
        }
        tracer.spans.add(served.finished(name, .server, attributes, error: error))
    }
}
