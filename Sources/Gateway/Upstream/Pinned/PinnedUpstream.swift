import AsyncIO
import OAuth

/// A server whose definitions of tools are looked at as it gives them: below everything that changes names, eras or ids, so that
/// every way to it leads past.
struct PinnedUpstream: Upstream {
    private let inner: any Upstream
    private let book: PinBook

    init(_ inner: any Upstream, _ book: PinBook) {
        self.inner = inner
        self.book = book
    }

    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        let open = try await inner.prepare(for: principal, on: loop)
        return { [book] in PinnedConnection(open(), book, on: loop) }
    }

    func begin() async { await inner.begin() }

    func stop() async { await inner.stop() }
}
