import AsyncIO
import Foundation
import Testing

extension ByteStreamTests {
    actor Connection {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
        let stream: ByteStream
        init(_ stream: ByteStream) {
            loop = stream.loop
            self.stream = stream
        }
        func run(_ body: @Sendable (ByteStream) async throws -> Void) async {
            try? await body(stream)
            stream.close()
        }
    }

    /// A server that answers every connection with `serve`.
    static func serve(
        _ group: EventLoopGroup, at address: String = "127.0.0.1:0",
        _ serve: @escaping @Sendable (ByteStream) async throws -> Void
    ) async throws -> TCPListener {
        try await TCPListener.bind(SocketAddress(parsing: address), on: group) { stream in
            let connection = Connection(stream)
            Task(executorPreference: stream.loop) { await connection.run(serve) }
        }
    }

    /// Runs `client` on a stream to a server that does `server`; both stay on loops, whatever else keeps the pool busy.
    static func pair(
        server: @escaping @Sendable (ByteStream) async throws -> Void,
        client: @escaping @Sendable (ByteStream) async throws -> Void
    ) async throws {
        try await withGroup(2) { group in
            let loop = group.loops[0]
            let listener = try await serve(group, server)
            try await Task(executorPreference: loop) {
                try await OnLoop(loop).run { _ in
                    let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                    try await client(stream)
                    stream.close()
                }
            }.value
            await listener.close()
        }
    }

    static let echo: @Sendable (ByteStream) async throws -> Void = { stream in
        while let bytes = try await stream.read() { try await stream.write(bytes) }
    }

    static func exchange(_ stream: ByteStream, rounds: Int) async throws {
        for round in 0..<rounds {
            let message = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 1 + round * 97)
            try await stream.write(message)
            var got: [UInt8] = []
            while got.count < message.count, let bytes = try await stream.read() { got += bytes }
            #expect(got == message)
        }
    }
}

extension ByteStreamTests.Connection {
    func readOnce() async -> Result<[UInt8]?, IOError> {
        do throws(IOError) { return .success(try await stream.read()) } catch { return .failure(error) }
    }
}

/// A number among a socket's TCP options.
func tcpOption(_ option: Int32, of descriptor: Int32) -> Int32 {
    var value: Int32 = 0
    var size = socklen_t(4)
    unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), option, &value, &size)
    return value
}

/// Binds a plain socket; the port that it got.
func bindLoopback(_ descriptor: Int32) -> Int {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = unsafe bind(descriptor, $0, length)
            _ = unsafe getsockname(descriptor, $0, &length)
        }
    }
    return Int(UInt16(bigEndian: address.sin_port))
}

/// Connects a plain socket to our port.
@discardableResult
func connectLoopback(_ descriptor: Int32, _ port: UInt16) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
