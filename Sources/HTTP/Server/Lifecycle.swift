import AsyncIO
import Crypto
import Telemetry

extension HTTPServer {
    private static let busy = Array(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n".utf8)

    /// Begins the life of a connection: its task is the root of everything that happens on it, and ends with it.
    func accept(_ stream: sending ByteStream, _ tls: ServedTLS?) {
        let address = stream.remoteAddress?.ipAddress
        guard tls == nil || mayShakeHands(stream.remoteAddress) else {
            HTTPMetrics.countHandshake(.tooOften)
            context.logger.debug("handshakes of an address come too often")
            return stream.close()
        }
        guard context.configuration.pressure?.level != .critical, registry.reserve(address) else {
            return Self.turnAway(stream, isPlain: tls == nil)
        }
        let handle = ConnectionHandle(HTTPConnection(stream, context: context, tls: tls), address: address)
        HTTPMetrics.connections.add(1)
        handle.connection.assumeIsolated { connection in
            connection.begin { handle.cancel() }
            handle.hold(connection.live(as: handle, in: registry))
            if !registry.add(handle) { connection.abort() }
        }
    }

    /// Nobody can be told how long to wait: that would take the handshake.
    private func mayShakeHands(_ peer: SocketAddress?) -> Bool {
        guard let handshakes, let customer = peer?.customer else { return true }
        return handshakes.take(customer, at: context.clock.now()) == nil
    }
}

extension HTTPServer {
    /// Says that there is no room, and closes.
    static func turnAway(_ stream: ByteStream, isPlain: Bool) {
        // Somebody who is not even read cannot be waited for: what the kernel takes at once must do. Under TLS nothing
        // can be said before a handshake, which is what there is no room for.
        if isPlain { _ = try? stream.writeWithoutWaiting(busy) }
        stream.close()
    }
}

extension HTTPConnection {
    /// The life of a connection, up to a response that is a stream. That one goes on in a task of its own: a stream lasts, and
    /// the task that answered the request keeps all the memory that it ever needed for that.
    fileprivate func live(
        as handle: ConnectionHandle, in registry: ConnectionRegistry, finishing stream: StreamedResponse? = nil
    ) -> Task<Void, Never> {
        Task(executorPreference: loop) {
            if let stream { await self.finish(stream) }
            if let next = await self.run() {
                handle.hold(await self.live(as: handle, in: registry, finishing: next))
                return
            }
            registry.remove(handle)
            handle.release()
            HTTPMetrics.connections.add(-1)
        }
    }
}
