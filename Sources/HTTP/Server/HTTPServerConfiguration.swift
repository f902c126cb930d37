/// Bounds of the server: each with what happens beyond it. The defaults are rows H07 and H08.
package struct HTTPServerConfiguration: Sendable {
    /// Bounds of a request's head; beyond them 414 or 431.
    package var limits = HTTPLimits()
    /// From the first byte of a head (or the start of the connection) to its last: then 408 and close.
    package var headTimeout: Duration = .seconds(10)
    /// How long a connection may rest between requests: then it is closed.
    package var idleTimeout: Duration = .seconds(75)
    /// How long the content may pause while a handler waits for it: then 408 and close.
    package var bodyIdleTimeout: Duration = .seconds(30)
    /// How long the content may be slower than ``bodyMinimumRate``.
    package var bodyGrace: Duration = .seconds(10)
    /// Bytes a second, over all time spent waiting for the content, after ``bodyGrace``: below it 408 and close.
    package var bodyMinimumRate = 256
    /// How long a reader may take nothing of a response: then the connection is cut.
    package var writeTimeout: Duration = .seconds(60)
    /// Content that a handler left unread is discarded up to this size, to keep the connection; beyond it, closed.
    package var discardLimit = 262_144
    /// The time that discarding may take.
    package var discardTimeout: Duration = .seconds(5)
    /// How long a closing connection still reads, so that the peer is not reset before it has read the answer.
    package var lingerTimeout: Duration = .seconds(2)
    /// How long a connection that rests when the server leaves may still bring a request.
    package var courtesy: Duration = .milliseconds(500)
    /// Connections at once; beyond it 503 and close.
    package var maximumConnections = 20_000
    /// Connections at once from one address (IPv6: one /64); nil for no bound.
    package var maximumConnectionsPerAddress: Int?
    /// Connections with TLS that one address (IPv6: one /64) may begin in a minute, a bucket that fills evenly: beyond it closed
    /// before the handshake, which is what they cost; nil for no bound (O05).
    package var handshakesPerMinute: Int?
    /// How near the process is to a bound on its memory; nil where nothing bounds it.
    package var pressure: MemoryPressure?
    /// How clients reach this server: decides `HTTPRequest.scheme`.
    package var scheme = HTTPURL.Scheme.http

    /// The defaults.
    package init() {}
}
