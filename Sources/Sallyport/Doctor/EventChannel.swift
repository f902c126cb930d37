import AsyncIO
import HTTP
import JSON

/// An open stream of a server of 2024-11-05 (HTTP+SSE): it names the address for messages and brings their answers. It ends when
/// the patience of its exchange does.
actor EventChannel {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let body: HTTPClientBody
    private let limits: JSONLimits
    private var parser: ServerSentEventParser
    private var waiting: [ServerSentEvent] = []

    init(_ body: HTTPClientBody, limits: JSONLimits, on loop: EventLoop) {
        self.body = body
        self.limits = limits
        self.loop = loop
        parser = ServerSentEventParser(maximumBytes: limits.maximumBytes)
    }

    /// What the first event says of the address for messages; nil where it is another event, or none comes.
    func place() async -> String? {
        guard let event = await next(), event.event == "endpoint" else { return nil }
        return String(decoding: event.data, as: UTF8.self)
    }

    /// The response to the request `id`; nil where the stream ends without.
    func answer(to id: Int64) async -> JSONNode? {
        while let event = await next() {
            let root = try? JSONDocument(parsing: event.data, limits: limits).root  // what is no JSON is no answer
            if let root, root["id"]?.integer == id, root.contains("result") || root.contains("error") { return root }
        }
        return nil
    }

    private func next() async -> ServerSentEvent? {
        while waiting.isEmpty {
            // A stream that breaks off, or is no stream, has ended.
            guard let part = try? await body.next(), let events = try? parser.feed(part) else { return nil }
            waiting += events
        }
        return waiting.removeFirst()
    }
}
