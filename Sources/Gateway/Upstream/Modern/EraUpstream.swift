import AsyncIO
import OAuth

/// A server of either era, or of one that nobody knows yet, for sessions of the legacy one.
struct EraUpstream: Upstream {
    private let inner: any Upstream
    private let server: ServerDefinition
    private let memory: EraMemory

    init(_ inner: any Upstream, _ server: ServerDefinition) {
        self.inner = inner
        self.server = server
        memory = EraMemory(server.era)
    }

    func begin() async { await inner.begin() }

    func stop() async { await inner.stop() }

    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        let open = try await inner.prepare(for: principal, on: loop)
        guard server.era != .legacy else { return open }
        return { [server, memory] in ModernServerConnection(open(), server, memory, on: loop) }
    }
}
