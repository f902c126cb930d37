package import AsyncIO
package import Crypto
import Synchronization
package import Telemetry

/// An HTTP/1.1 server on all loops of a group.
package final class HTTPServer: Sendable {
    let context: HTTPConnection.Context
    let registry: ConnectionRegistry
    /// Who begins how many connections with TLS; nil where nobody counts.
    let handshakes: RateLimiter<IPAddress>?
    private let group: EventLoopGroup
    private let listeners = Mutex<[TCPListener]>([])

    /// A server that does not listen yet; see ``start(on:)``.
    package init(
        configuration: HTTPServerConfiguration = HTTPServerConfiguration(), group: EventLoopGroup,
        responder: any HTTPResponder, logger: Logger = Logger(label: "http"),
        access: Logger = Logger(label: "access"), clock: WallClock = .system
    ) {
        HTTPMetrics.prepare()
        self.group = group
        context = HTTPConnection.Context(
            configuration: configuration, responder: responder, logger: logger, access: access, clock: clock)
        registry = ConnectionRegistry(configuration)
        handshakes = configuration.handshakesPerMinute.map { RateLimiter(perMinute: $0) }
    }

    /// Listens on `address` too; returns it with the port that the kernel chose for 0. With `tls` TLS ends here: whoever
    /// speaks anything else gets no further than a 400.
    package func start(on address: SocketAddress, tls: ServedTLS? = nil) async throws(IOError) -> SocketAddress {
        let isPlain = tls == nil
        let listener = try await TCPListener.bind(
            address, on: group, accept: { stream in self.accept(stream, tls) },
            turnAway: { stream in Self.turnAway(stream, isPlain: isPlain) })
        listeners.withLock { $0.append(listener) }
        return listener.boundAddress
    }

    /// Open connections.
    package var connectionCount: Int { registry.count }

    /// Stops accepting, lets the requests that are being answered finish for at most `limit`, then cuts the rest.
    ///
    /// Answers given meanwhile say `Connection: close`. Streams that never end by themselves must be ended by whoever
    /// writes them, or they are cut when the time is over.
    package func drain(within limit: Duration) async {
        let deadline = EventLoop.preciseNow + limit
        await leave(within: limit)
        await waitUntilEmpty(deadline)
        for handle in registry.all {
            handle.cancel()
            await handle.connection.abort()
        }
        await waitUntilEmpty(EventLoop.preciseNow + .seconds(1))
    }

    /// The first half of ``drain(within:)``: stops accepting, and lets connections that rest bring what is on its way to us, for a
    /// moment. A proxy that has sent a call on a connection that closes meanwhile may not send it again. When this returns no
    /// connection rests.
    package func leave(within limit: Duration) async {
        let open = listeners.withLock { listeners in
            let open = listeners
            listeners = []
            return open
        }
        for listener in open { await listener.close() }
        var resting = 0
        for handle in registry.startDraining() where await handle.connection.drain() { resting += 1 }
        guard resting > 0 else { return }
        await waitUntilEmpty(EventLoop.preciseNow + min(limit, context.configuration.courtesy))
        for handle in registry.all { await handle.connection.endRest() }
    }

    private func waitUntilEmpty(_ deadline: LoopInstant) async {
        while registry.count > 0, EventLoop.preciseNow < deadline {
            // Cancelled: whoever drains is in a hurry.
            do { try await group.next().sleep(for: .milliseconds(10)) } catch { return }
        }
    }
}
