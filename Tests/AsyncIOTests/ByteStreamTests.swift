import AsyncIO
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ByteStreamTests {
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

    @Test func sixtyFourConnectionsAreEchoed() async throws {
        try await withGroup { group in
            let listener = try await Self.serve(group, Self.echo)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for index in 0..<64 {
                    let loop = group.loops[index % 2]
                    tasks.addTask {
                        try await OnLoop(loop).run { _ in
                            let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                            try await Self.exchange(stream, rounds: 50)
                            stream.close()
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            await listener.close()
        }
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

    @Test func unixSocketsWorkAndRefuseASecondListener() async throws {
        let folder = try FileSystem.makeTemporaryDirectory()
        defer { try? FileSystem.removeTree(folder) }
        try await withGroup { group in
            let address = "unix:\(folder)/socket"
            let listener = try await Self.serve(group, at: address, Self.echo)
            #expect(try FileSystem.mode(of: "\(folder)/socket") == 0o600)
            let loop = group.loops[0]
            try await OnLoop(loop).run { _ in
                let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                try await Self.exchange(stream, rounds: 20)
                stream.close()
            }
            await #expect(throws: IOError.system(code: EADDRINUSE)) {
                _ = try await Self.serve(group, at: address, Self.echo)
            }
            await listener.close()
            #expect(!FileSystem.exists("\(folder)/socket"))
        }
    }

    @Test func aPortInUseIsRefused() async throws {
        try await withGroup { group in
            let listener = try await Self.serve(group, Self.echo)
            let taken = listener.boundAddress.description
            await #expect(throws: IOError.system(code: EADDRINUSE)) {
                _ = try await Self.serve(group, at: taken, Self.echo)
            }
            await listener.close()
            try await Self.serve(group, at: taken, Self.echo).close()
        }
    }

    @Test("F20: closing a listener resets no connection that it was given")
    func waitingConnectionsAreAcceptedBeforeTheListenerCloses() async throws {
        try await withGroup(1) { group in
            let listener = try await Self.serve(group, Self.echo)
            // The loop is held so that the close comes in the same turn as the connections, before it can accept them.
            let queued = DispatchSemaphore(value: 0)
            let connected = DispatchSemaphore(value: 0)
            group.loops[0].execute { queued.wait() }
            try await Task.sleep(for: .milliseconds(20))
            group.loops[0].execute { connected.wait() }
            let closing = Task { await listener.close() }
            try await Task.sleep(for: .milliseconds(50))
            queued.signal()
            try await Task.sleep(for: .milliseconds(20))
            let clients = (0..<20).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
            for client in clients { connectLoopback(client, UInt16(listener.boundAddress.port)) }
            connected.signal()
            await closing.value
            for client in clients {
                var byte: UInt8 = 7
                #expect(unsafe send(client, &byte, 1, 0) == 1)
                #expect(unsafe recv(client, &byte, 1, 0) == 1)
                close(client)
            }
        }
    }

    @Test func addressesAreThoseOfBothEnds() async throws {
        let seen = Mutex<[SocketAddress?]>([])
        try await Self.pair { stream in
            seen.withLock { $0 = [stream.remoteAddress, stream.localAddress] }
            try await stream.write([1])
        } client: { stream in
            _ = try await stream.read()
            #expect(seen.withLock { $0 } == [stream.localAddress, stream.remoteAddress])
            #expect(stream.localAddress?.isLoopback == true)
        }
    }

    @Test func acceptedConnectionsSendAtOnceAndNoticeASilentPeer() async {
        await #expect(processExitsWith: .success) {
            try await withGroup(1) { group in
                let served = Shared<SocketAddress?>(nil)
                let listener = try await ByteStreamTests.serve(group) { stream in
                    served.change { $0 = stream.remoteAddress }
                    _ = try await stream.read()
                }
                let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                connectLoopback(client, UInt16(listener.boundAddress.port))
                while served.value == nil { try await Task.sleep(for: .milliseconds(1)) }
                // The accepted socket is one of our descriptors, and not the listening one.
                let accepted = (3..<200).contains { descriptor in
                    var peer = sockaddr_in()
                    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                    let isConnected = unsafe withUnsafeMutablePointer(to: &peer) { pointer in
                        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                            unsafe getpeername(Int32(descriptor), $0, &size) == 0
                        }
                    }
                    return isConnected
                        && [TCP_NODELAY, TCP_KEEPIDLE, TCP_USER_TIMEOUT].map { tcpOption($0, of: Int32(descriptor)) }
                            == [1, 15, 60_000]
                }
                #expect(accepted)
                close(client)
                await listener.close()
            }
        }
    }

    @Test func connectionRefusedIsAnError() async throws {
        try await withGroup { group in
            // Bound, so that no other test gets the port, but not listening.
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            let address = try SocketAddress(ip: "127.0.0.1", port: bindLoopback(descriptor))
            let loop = group.loops[0]
            let failure = await OnLoop(loop).run { _ -> IOError? in
                do throws(IOError) { _ = try await ByteStream.connect(to: address, on: loop) } catch { return error }
                return nil
            }
            #expect(failure == .system(code: ECONNREFUSED))
        }
    }

    @Test func halfCloseLeavesTheOtherDirectionOpen() async throws {
        try await Self.pair { stream in
            var count = 0
            while let bytes = try await stream.read() { count += bytes.count }
            try await stream.write(Array("\(count)".utf8))
        } client: { stream in
            try await stream.write([UInt8](repeating: 0, count: 1_000_000))
            await stream.shutdownWrite()
            #expect(try await stream.read() == Array("1000000".utf8))
            #expect(try await stream.read() == nil)
            #expect(try await stream.read() == nil)
        }
    }

    @Test func resetIsAnErrorOfTheStream() async throws {
        try await Self.pair { stream in
            _ = try await stream.read()
            // Unread input at close makes the kernel reset.
            try await stream.loop.sleep(for: .milliseconds(50))
        } client: { stream in
            try await stream.write([UInt8](repeating: 0, count: 1 << 20))
            var failure: IOError?
            do throws(IOError) { while try await stream.read() != nil {} } catch { failure = error }
            #expect(failure == .connectionReset)
            #expect(stream.isPeerReset)
        }
    }

    @Test func thePeersCloseIsNoticedWhileNobodyReads() async throws {
        let closed = Atomic(0)
        try await Self.pair { stream in
            _ = try await stream.read()
            stream.onPeerClosed = { closed.add(1, ordering: .relaxed) }
            try await stream.write([2])
            for _ in 0..<500 where closed.load(ordering: .relaxed) == 0 {
                try await stream.loop.sleep(for: .milliseconds(10))
            }
            #expect(stream.isPeerClosed)
            #expect(try await stream.read() == [9], "what came before the end is still there")
            #expect(try await stream.read() == nil)
            closed.add(10, ordering: .relaxed)
        } client: { stream in
            try await stream.write([1])
            _ = try await stream.read()
            try await stream.write([9])
            await stream.shutdownWrite()
            #expect(try await stream.read() == nil)
        }
        #expect(closed.load(ordering: .relaxed) == 11)
    }

    @Test func aSlowReaderHoldsTheWriterBackInBoundedMemory() async throws {
        let written = Atomic(0)
        try await Self.pair { stream in
            let chunk = [UInt8](repeating: 7, count: 65_536)
            while true {
                try await stream.write(chunk)
                written.add(chunk.count, ordering: .relaxed)
                // The writer holds at most the chunk that it was told to write.
                #expect(stream.unsentBytes <= chunk.count)
            }
        } client: { stream in
            _ = try await stream.read()
            var last = -1
            while last != written.load(ordering: .relaxed) {
                last = written.load(ordering: .relaxed)
                try await stream.loop.sleep(for: .milliseconds(100))
            }
            // Socket buffers of both ends, no more.
            #expect(last < 16 << 20)
            var got = 0
            while got < last, let bytes = try await stream.read() {
                #expect(bytes.count <= EventLoop.readChunk)
                got += bytes.count
            }
        }
    }

    @Test("H08: a writer gives up when the peer takes nothing for its timeout")
    func stalledWriteTimesOut() async throws {
        let outcome = Mutex<IOError?>(nil)
        try await Self.pair { stream in
            stream.writeTimeout = .milliseconds(100)
            do throws(IOError) {
                try await stream.write([UInt8](repeating: 7, count: 64 << 20))
            } catch { outcome.withLock { $0 = error } }
            #expect(stream.isClosed)
        } client: { stream in
            for _ in 0..<200 where outcome.withLock({ $0 }) == nil {
                try await stream.loop.sleep(for: .milliseconds(10))
            }
        }
        #expect(outcome.withLock { $0 } == .timedOut)
    }

    @Test("H08: a slow but steady peer is not timed out")
    func steadyPeerIsNotTimedOut() async throws {
        let outcome = Mutex<String>("")
        try await Self.pair { stream in
            stream.writeTimeout = .seconds(2)
            do throws(IOError) {
                try await stream.write([UInt8](repeating: 7, count: 24 << 20))
                outcome.withLock { $0 = "done" }
            } catch { outcome.withLock { $0 = "\(error)" } }
        } client: { stream in
            var got = 0
            let start = ContinuousClock.now
            while got < 24 << 20, let bytes = try await stream.read() {
                got += bytes.count
                // So slow that the kernel asks the writer for more less than every two seconds.
                if ContinuousClock.now - start < .seconds(5) { try await stream.loop.sleep(for: .milliseconds(200)) }
            }
        }
        #expect(outcome.withLock { $0 } == "done")
    }

    @Test func readDeadlinesAndCancellationLoseNothing() async throws {
        try await Self.pair { stream in
            _ = try await stream.read()
            try await stream.write([42])
            _ = try await stream.read()
        } client: { stream in
            let loop = stream.loop
            for delay in [1, 5, 20] {
                let start = ContinuousClock.now
                var failure: IOError?
                do throws(IOError) {
                    _ = try await stream.read(until: EventLoop.preciseNow + .milliseconds(delay))
                } catch { failure = error }
                #expect(failure == .timedOut)
                #expect(ContinuousClock.now - start >= .milliseconds(delay))
            }
            let reader = Connection(stream)
            let task = Task(executorPreference: loop) { await reader.readOnce() }
            try await loop.sleep(for: .milliseconds(10))
            task.cancel()
            #expect(await task.value == .failure(.cancelled))
            try await stream.write([1])
            #expect(try await stream.read() == [42])
        }
    }

    @Test func closeWakesTheReader() async throws {
        try await Self.pair { stream in
            _ = try await stream.read()
        } client: { stream in
            let reader = Connection(stream)
            let task = Task(executorPreference: stream.loop) { await reader.readOnce() }
            try await stream.loop.sleep(for: .milliseconds(10))
            stream.close()
            stream.close()
            #expect(await task.value == .failure(.closed))
            var failure: IOError?
            do throws(IOError) { try await stream.write([1]) } catch { failure = error }
            #expect(failure == .closed)
        }
    }

    @Test func lingeringCloseLetsThePeerReadTheAnswer() async throws {
        try await Self.pair { stream in
            _ = try await stream.read()
            try await stream.write(Array("refused".utf8))
            await stream.close(lingering: .seconds(2))
        } client: { stream in
            // More than the server reads: a plain close would reset and could swallow the answer.
            try await stream.write([UInt8](repeating: 0, count: 4 << 20))
            #expect(try await stream.read() == Array("refused".utf8))
        }
    }

    @Test func unreadBytesComeFirst() async throws {
        try await Self.pair { stream in
            try await stream.write([1, 2, 3])
            _ = try await stream.read()
        } client: { stream in
            let first = try await stream.read()
            stream.unread([8, 9])
            #expect(first == [1, 2, 3])
            #expect(stream.readAvailable() == [8, 9])
            #expect(stream.readAvailable() == nil)
        }
    }

    @Test func droppingAStreamClosesIt() async throws {
        try await withGroup { group in
            let listener = try await TCPListener.bind(SocketAddress(parsing: "127.0.0.1:0"), on: group) { _ in }
            let loop = group.loops[0]
            let end = try await OnLoop(loop).run { _ in
                let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                return try await stream.read(until: EventLoop.preciseNow + .seconds(5))
            }
            #expect(end == nil)
            await listener.close()
        }
    }

    @Test func theStreamsOfAStoppedLoopEnd() async throws {
        let group = EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let listener = try await Self.serve(group, Self.echo)
        let reader = Task(executorPreference: loop) {
            try await OnLoop(loop).run { _ in
                let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                try await stream.write([1])
                _ = try await stream.read()
                return try await stream.read() == nil
            }
        }
        try await Task.sleep(for: .milliseconds(50))
        group.shutdown()
        await #expect(throws: IOError.closed) { try await reader.value }
    }

    @Test("F18: when descriptors run short connections are closed, the loop does not spin, service returns")
    func descriptorExhaustion() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 256, rlim_max: 256)
            #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            try await withGroup(1) { group in
                let listener = try await ByteStreamTests.serve(group, ByteStreamTests.echo)
                // As many sockets as there are descriptors outside the reserve; then all connect.
                var clients: [Int32] = []
                while (clients.last ?? 0) < 256 - DescriptorLimit.reserve - 1 {
                    clients.append(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
                }
                let before = clock()
                for client in clients { connectLoopback(client, UInt16(listener.boundAddress.port)) }
                try await Task.sleep(for: .milliseconds(500))
                #expect(clock() - before < CLOCKS_PER_SEC / 5, "the loop spins")
                var byte: UInt8 = 0
                let ended = clients.count { unsafe recv($0, &byte, 1, Int32(MSG_DONTWAIT)) == 0 }
                #expect(ended == clients.count, "all of them were turned away")
                for client in clients { close(client) }
                let loop = group.loops[0]
                try await OnLoop(loop).run { _ in
                    let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                    try await ByteStreamTests.exchange(stream, rounds: 5)
                    stream.close()
                }
                await listener.close()
            }
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
func connectLoopback(_ descriptor: Int32, _ port: UInt16) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    _ = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
