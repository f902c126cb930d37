import AsyncIO
import Glibc
import Synchronization
import Testing

/// That work stays on the loop: a hop through the global executor costs microseconds and two wake-ups.
@Suite(.timeLimit(.minutes(1)))
struct HopTests {
    /// A preferring task, actors of its loop and streams of its loop share the thread, also after suspensions.
    @Test func aPreferringTaskReadsWithoutLeavingTheLoop() async throws {
        try await withGroup(1) { group in
            let loop = group.loops[0]
            let listener = try await TCPListener.bind(SocketAddress(parsing: "127.0.0.1:0"), on: group) { stream in
                let actor = ByteStreamTests.Connection(stream)
                Task(executorPreference: loop) {
                    await actor.run { stream in
                        while let bytes = try await stream.read() { try await stream.write(bytes) }
                    }
                }
            }
            let address = listener.boundAddress
            let rounds = 2000
            let task = Task(executorPreference: loop) {
                try await OnLoop(loop).run { _ in
                    let stream = try await ByteStream.connect(to: address, on: loop)
                    let before = loop.remoteJobs
                    for _ in 0..<rounds {
                        try await stream.write([1, 2, 3])
                        _ = try await stream.read()
                    }
                    stream.close()
                    return loop.remoteJobs - before
                }
            }
            #expect(try await task.value < rounds / 100)
            await listener.close()
        }
    }
}
