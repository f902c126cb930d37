import AsyncIO
import HTTP

/// A response of `text/event-stream` that lasts as long as its stream.
enum EventStreamResponse {
    private static let fields: HTTPFields = [
        "Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform",
        // nginx would collect events before it passes them on (c6).
        "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff",
    ]

    /// Writes what `reader` gets. A slow client suspends the writing, and that the reading.
    static func make(_ reader: StreamReader) -> HTTPResponse {
        let lease = ReaderLease(reader)
        return HTTPResponse(
            status: .ok, fields: fields,
            body: .stream { writer in
                var signOfLife: LoopInstant?
                while true {
                    switch await lease.reader.next() {
                    case .bytes(let bytes): try await writer.write(bytes)
                    case .keepAlive:
                        let now = EventLoop.preciseNow
                        try await writer.write(signOfLife: ServerSentEvent.keepAlive, after: signOfLife)
                        signOfLife = now
                    case .end: return
                    }
                }
            })
    }
}

/// Gives the reader back when the response that carries it is gone, however that came: also when the client left before
/// the first byte of it could be written.
private final class ReaderLease: Sendable {
    let reader: StreamReader

    init(_ reader: StreamReader) {
        self.reader = reader
    }

    deinit { reader.giveBack() }
}
