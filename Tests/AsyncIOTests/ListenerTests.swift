import AsyncIO
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ListenerTests {
    @Test func unixSocketsWorkAndRefuseASecondListener() async throws {
        let folder = try FileSystem.makeTemporaryDirectory()
        defer { try? FileSystem.removeTree(folder) }
        try await withGroup { group in
            let address = "unix:\(folder)/socket"
            let listener = try await ByteStreamTests.serve(group, at: address, ByteStreamTests.echo)
            #expect(try FileSystem.mode(of: "\(folder)/socket") == 0o600)
            let loop = group.loops[0]
            try await OnLoop(loop).run { _ in
                let stream = try await ByteStream.connect(to: listener.boundAddress, on: loop)
                try await ByteStreamTests.exchange(stream, rounds: 20)
                stream.close()
            }
            await #expect(throws: IOError.system(code: EADDRINUSE)) {
                _ = try await ByteStreamTests.serve(group, at: address, ByteStreamTests.echo)
            }
            await listener.close()
            #expect(!FileSystem.exists("\(folder)/socket"))
        }
    }

    @Test func aPortInUseIsRefused() async throws {
        try await withGroup { group in
            let listener = try await ByteStreamTests.serve(group, ByteStreamTests.echo)
            let taken = listener.boundAddress.description
            await #expect(throws: IOError.system(code: EADDRINUSE)) {
                _ = try await ByteStreamTests.serve(group, at: taken, ByteStreamTests.echo)
            }
            await listener.close()
            try await ByteStreamTests.serve(group, at: taken, ByteStreamTests.echo).close()
        }
    }

    @Test("F20: closing a listener resets no connection that it was given")
    func waitingConnectionsAreAcceptedBeforeTheListenerCloses() async throws {
        try await withGroup(1) { group in
            let listener = try await ByteStreamTests.serve(group, ByteStreamTests.echo)
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

    @Test("F20: a connection that begins while a listener closes is served or refused, never reset")
    func connectionsThatComeMeanwhile() async throws {
        for _ in 0..<6 {
            try await withGroup(2) { group in
                let listener = try await ByteStreamTests.serve(group, ByteStreamTests.echo)
                let port = UInt16(listener.boundAddress.port)
                let (isOver, came) = (Shared(false), Shared(0))
                let callers = (0..<12).map { _ in
                    Task.detached {
                        try await onThread {
                            while !isOver.value {
                                let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                                defer { close(client) }
                                // Refused, at once or after the second that a lost packet costs.
                                guard connectLoopback(client, port) else { return true }
                                var byte: UInt8 = 7
                                guard unsafe send(client, &byte, 1, Int32(MSG_NOSIGNAL)) == 1,
                                    unsafe recv(client, &byte, 1, 0) == 1
                                else { return false }
                                came.change { $0 += 1 }
                            }
                            return false
                        }
                    }
                }
                defer { isOver.change { $0 = true } }
                try await eventuallyTrue("some to be served") { came.value > 50 }
                await listener.close()
                for caller in callers { #expect(try await caller.value, "one was let in and then reset") }
            }
        }
    }

    @Test func addressesAreThoseOfBothEnds() async throws {
        let seen = Mutex<[SocketAddress?]>([])
        try await ByteStreamTests.pair { stream in
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
