import AsyncIO
import JSON
import MCP

// Listens for tasks of the modern era where the session is no relay: a request of its own beside what else the client listens
// for, whose notifications go on to the client's stream.
extension LegacySession {
    /// Listens for `tasks`, the client's names by those that are known behind the session; acknowledges the listen when it is
    /// known which of them can be heard.
    func listen(_ request: ModernRequest, for tasks: [[UInt8]: [UInt8]], _ stream: MessageStream) {
        commit(stream)
        guard quota.beginCalls(1) else { return acknowledge(stream, tasks: nil) }
        let exchange = ModernExchange(
            .subscriptionsListen, request.envelope, digest: [], lease: BridgeLease(self) {},
            stream: makeStream(mayStream: false, for: request.principal), deadline: expires)
        exchange.listenedTasks = tasks
        exchange.listener = stream
        let deadline = loop.now + limits.listenTimeout
        exchange.acknowledgedBy = deadline
        let names = tasks.keys.map { String(decoding: $0, as: UTF8.self) }
        let message = TaskMessage.listening(request.message, to: names, alone: true)
        begin(message, on: exchange.stream, isInitialize: false, record: nil, exchange: exchange)
        arm(by: deadline)
    }

    /// Says to a listening client what is honoured: `tasks`, JSON text of a list, and what was known before.
    func acknowledge(_ stream: MessageStream, tasks: [UInt8]?) {
        guard let listen = stream.listen, !listen.isAcknowledged else { return }
        stream.listen?.isAcknowledged = true
        append(ModernMessage.acknowledged(listen.filter, listen: listen.id, tasks: tasks), to: stream)
    }

    /// A notification of such a listen.
    func heard(_ notification: JSONRPCMessage, _ exchange: ModernExchange, _ listener: MessageStream) {
        guard let listen = listener.listen, let message = TaskMessage.renamed(notification, exchange.listenedTasks)
        else { return }
        if message.isMethod("notifications/subscriptions/acknowledged") {
            exchange.acknowledgedBy = nil
            return acknowledge(listener, tasks: message.params?["notifications"]?["taskIds"].map { Array($0.bytes) })
        }
        guard listen.isAcknowledged, message.isMethod("notifications/tasks") else { return }
        append(RelayedMessage.notification(message, listen: listen.id), to: listener)
    }

    /// Nobody reads `stream` any more.
    func forgetTasks(of stream: MessageStream) {
        for (number, exchange) in exchanges where exchange.listener === stream {
            guard let entry = calls.finish(number) else { continue }
            exchange.listener = nil
            exchanges[number] = nil
            count(entry, .cancelled)
            sendLine(JSONRPCText.cancelled(JSONRPCID(number: number), reason: "nobody listens") + [0x0A])
        }
    }
}
