import AsyncIO
import MCP
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Gateway

/// How shared servers begin when something else happens meanwhile.
@Suite("The start of a shared server", .timeLimit(.minutes(1)))
struct SharedStartTests {
    /// A connection that only remembers what became of it.
    // SAFETY: used on one loop; what tests look at is atomic.
    private final class Recorder: ServerConnection, @unchecked Sendable {
        let isStopped = Atomic<Bool>(false)
        let isHeard = Atomic<Bool>(false)
        var details: LogMetadata { [:] }
        func enqueue(_ line: [UInt8]) throws(IOError) -> Bool { true }
        func flush() throws(IOError) {}
        func listen(
            _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
        ) { isHeard.store(true, ordering: .relaxed) }
        func holdOutput(_ isHeld: Bool) {}
        func end(after loss: ConnectionLoss) async -> SessionEnd { .closedOutput }
        func stop() async { isStopped.store(true, ordering: .relaxed) }
    }

    /// One that takes its time to be reached.
    private final class Held: Upstream {
        let connection = Recorder()
        let isAsked = Atomic<Bool>(false)
        private let waiting = Mutex<CheckedContinuation<Void, Never>?>(nil)
        func prepare(
            for principal: Principal, on loop: EventLoop
        ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
            await withCheckedContinuation { continuation in
                waiting.withLock { $0 = continuation }
                isAsked.store(true, ordering: .relaxed)
            }
            return { [connection] in connection }
        }
        func release() { waiting.withLock { $0?.resume() } }
    }

    @Test("F07: a shared server that is stopped while it starts is stopped, not left behind")
    func stopDuringStart() async throws {
        let loops = EventLoopGroup(count: 1)
        let upstream = Held()
        let server = SharedServer(
            .python("demo", ""), for: .everybody, limits: GatewayLimits(),
            discarded: MetricsRegistry().counter("discarded", help: "x"), on: loops.loops[0], whenEnded: { _ in },
            whenGone: {})
        async let ready: Void = { _ = try? await server.ready(upstream, for: Principal.anonymous) }()
        try await eventuallyTrue("it to start") { upstream.isAsked.load(ordering: .relaxed) }
        await server.stop()
        upstream.release()
        await ready
        let (isStopped, isHeard) = (
            upstream.connection.isStopped.load(ordering: .relaxed),
            upstream.connection.isHeard.load(ordering: .relaxed)
        )
        #expect(isStopped && !isHeard, "nobody speaks to it")
        try? await onThread { loops.shutdown() }
    }
}
