import AsyncIO
import HTTP
import MCP

// Whether the server of an idle session is still there, and still the same.
extension HTTPServerConnection {
    /// How long a server may take to answer a ping; one that takes calls is not asked more quickly than it works.
    private static let pingLimit = Duration.seconds(10)

    /// Nothing was said for a while: asks the server whether it is there. One that says nothing counts as a failure of the
    /// upstream, for everybody.
    func sendHeartbeat() async {
        heardAt = EventLoop.preciseNow
        guard let client, await client.hasSession else { return }
        let isAnswered = await client.ping(within: min(Self.pingLimit, server.callTimeout))
        guard !isAnswered, !isStopped else { return }
        carrier.circuit.failed(.timeout, "a ping was not answered", at: EventLoop.preciseNow)
    }

    /// Lists that are kept on this side are looked at again, where the server does not announce that they change.
    func compareLists() async {
        guard isKept, let client else { return }
        await client.compareLists(within: server.callTimeout)
    }
}
