import AsyncIO
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ByteStreamTests {
    /// A server that answers every connection with `serve`.
    static func serve(
        _ group: EventLoopGroup, _ serve: @escaping @Sendable (ByteStream) async throws -> Void
    ) async throws -> TCPListener {
        try await TCPListener.bind(SocketAddress(parsing: "127.0.0.1:0"), on: group) { stream in
            let connection = Connection(stream)
            Task { await connection.run(serve) }
        }
    }

    actor Connection {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
        let stream: ByteStream
        init(_ stream: sending ByteStream) {
            loop = stream.loop
            self.stream = stream
        }
        func run(_ body: @Sendable (ByteStream) async throws -> Void) async {
            try? await body(stream)
            stream.close()
        }
    }

    @Test func sixtyFourConnectionsAreEchoed() async throws {
        try await withGroup { group in
            let listener = try await Self.serve(group) { stream in
                while let bytes = try await stream.read() { try await stream.write(bytes) }
            }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for index in 0..<64 {
                    tasks.addTask {
                        let loop = group.loops[index % 2]
                        try await OnLoop(loop).run { _ in
                            let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                            #expect(loop.inEventLoop)
                            for round in 0..<50 {
                                let message = [UInt8](
                                    repeating: UInt8(truncatingIfNeeded: round), count: 1 + round * 97)
                                try await stream.write(message)
                                var got: [UInt8] = []
                                while got.count < message.count, let bytes = try await stream.read() { got += bytes }
                                #expect(got == message)
                            }
                            stream.close()
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            await listener.close()
        }
    }
}
