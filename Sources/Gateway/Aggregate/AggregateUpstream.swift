import AsyncIO
import OAuth

/// All servers as one: each session gets a connection to every one of them.
struct AggregateUpstream: Upstream {
    let plan: AggregatePlan

    func prepare(
        for principal: Principal, on loop: EventLoop
    ) async throws(UpstreamError) -> @Sendable () -> any ServerConnection {
        { [plan] in AggregateConnection(plan, for: principal, on: loop) }
    }
}
