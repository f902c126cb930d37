import AsyncIO
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ByteStreamTests {
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
}
