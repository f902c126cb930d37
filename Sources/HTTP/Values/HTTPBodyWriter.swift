package import AsyncIO

/// Where the bytes of a streamed response go.
package protocol HTTPBodySink: AnyObject {
    /// Suspends until the bytes are on their way; fails when the client has gone or has not read for too long.
    func write(_ bytes: [UInt8]) async throws(IOError)
    /// Whether the client has not acknowledged what it should have since then.
    func isPeerSilent(since instant: LoopInstant) -> Bool
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

    /// Sends a sign of life; fails when the client has acknowledged nothing since `last`, when it got the one before: then it
    /// is gone (F16).
    package func write(signOfLife bytes: [UInt8], after last: LoopInstant?) async throws(IOError) {
        if let last, sink.isPeerSilent(since: last) { throw .timedOut }
        try await write(bytes)
    }

    /// Sends one event.
    package func write(_ event: ServerSentEvent) async throws(IOError) {
        try await write(event.encoded())
    }
}
