package import AsyncIO

/// Where the bytes of a streamed response go.
package protocol HTTPBodySink: AnyObject {
    /// Suspends until the bytes are on their way; fails when the client has gone or has not read for too long.
    func write(_ bytes: [UInt8]) async throws(IOError)
}

/// The pen of a streamed response. Confined to the connection's loop.
package final class HTTPBodyWriter {
    private let sink: any HTTPBodySink

    /// A pen for this sink.
    package init(_ sink: any HTTPBodySink) {
        self.sink = sink
    }

    /// Sends `bytes` at once, as one chunk; suspends while the client is slow. Empty input sends nothing.
    package func write(_ bytes: [UInt8]) async throws(IOError) {
        if bytes.isEmpty { return }
        try await sink.write(bytes)
    }

    /// Sends one event.
    package func write(_ event: ServerSentEvent) async throws(IOError) {
        try await write(event.encoded())
    }
}
