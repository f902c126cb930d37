import AsyncIO
import Synchronization

/// A server that reads one request head, or a whole chunked request, then does what a test says with the connection.
final class ScriptedServer: Sendable {
    let port: Int
    private let listener: TCPListener
    private let log: Log

    private final class Log: Sendable {
        let heads = Mutex<[String]>([])
    }

    private init(listener: TCPListener, log: Log) {
        self.listener = listener
        self.log = log
        port = listener.boundAddress.port
    }

    /// Every request head that arrived.
    var heads: [String] { log.heads.withLock { $0 } }

    static func start(
        on group: EventLoopGroup, untilEnd end: String = "\r\n\r\n",
        _ script: @escaping @Sendable (ByteStream) async throws -> Void
    ) async throws -> ScriptedServer {
        let log = Log()
        let listener = try await TCPListener.bind(try SocketAddress(ip: "127.0.0.1", port: 0), on: group) { stream in
            let connection = Connection(stream)
            Task(executorPreference: connection.loop) { await connection.serve(log, end, script) }
        }
        return ScriptedServer(listener: listener, log: log)
    }

    func stop() async { await listener.close() }

    private actor Connection {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
        private let stream: ByteStream

        init(_ stream: sending ByteStream) {
            loop = stream.loop
            self.stream = stream
        }

        func serve(_ log: Log, _ end: String, _ script: @Sendable (ByteStream) async throws -> Void) async {
            var head: [UInt8] = []
            while let part = try? await stream.read() {
                head += part
                if String(decoding: head, as: UTF8.self).contains(end) { break }
            }
            log.heads.withLock { $0.append(String(decoding: head, as: UTF8.self)) }
            // A client that goes away in the middle is what some tests are about.
            try? await script(stream)
            stream.close()
        }
    }
}
