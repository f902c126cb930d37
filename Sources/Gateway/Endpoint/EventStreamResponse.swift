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
        HTTPResponse(
            status: .ok, fields: fields,
            body: .stream { writer in
                do {
                    while true {
                        switch await reader.next() {
                        case .bytes(let bytes): try await writer.write(bytes)
                        case .keepAlive: try await writer.write(ServerSentEvent.keepAlive)
                        case .end: return
                        }
                    }
                } catch {
                    await reader.detach()
                    throw error
                }
            })
    }
}
