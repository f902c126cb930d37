import AsyncIO
import OAuth

/// Where a server is, and how sessions get to it.
protocol Upstream: Sendable {
    /// Spends what a session of `principal` on `loop` costs, and says how its connection is made there.
    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection

    /// Starts what is to stand ready before the first session comes, in the background.
    func begin() async

    /// Whether something of it runs that sessions of `principal` would use.
    func isUsed(for principal: Principal) -> Bool

    /// Ends that, where nobody uses it any more; returns when nothing of it is left.
    func endUnused(for principal: Principal) async

    /// Ends what belongs to no session; returns when nothing of it is left.
    func stop() async
}

extension Upstream {
    func begin() async {}

    func stop() async {}

    func isUsed(for principal: Principal) -> Bool { true }

    func endUnused(for principal: Principal) async {}
}

/// Why a server cannot be reached, for the operator's log.
enum UpstreamError: Error, Sendable, Hashable {
    /// The client left, so the server is not to blame.
    case cancelled
    /// As many processes as may run do.
    case capacity
    case failed(String)
    /// It is known not to answer; the seconds until it is worth another attempt.
    case away(seconds: Int)
}
