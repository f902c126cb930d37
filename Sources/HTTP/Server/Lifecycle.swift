import AsyncIO
import Telemetry

extension HTTPServer {
    private static let busy = Array(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n".utf8)

    /// Begins the life of a connection: its task is the root of everything that happens on it, and ends with it.
    func accept(_ stream: sending ByteStream) {
        let address = stream.remoteAddress?.ipAddress
        guard registry.reserve(address) else {
            // Somebody who is not even read cannot be waited for: what the kernel takes at once must do.
            _ = try? stream.writeWithoutWaiting(Self.busy)
            stream.close()
            return
        }
        let loop = stream.loop
        let handle = ConnectionHandle(HTTPConnection(stream, context: context), address: address)
        let registry = registry
        HTTPMetrics.connections.add(1)
        handle.hold(
            Task(executorPreference: loop) {
                await handle.connection.run { handle.cancel() }
                registry.remove(handle)
                handle.release()
                HTTPMetrics.connections.add(-1)
            })
        registry.add(handle)
    }
}
