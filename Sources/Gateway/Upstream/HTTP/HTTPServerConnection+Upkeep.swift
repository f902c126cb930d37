import AsyncIO
import HTTP
import MCP

// Whether the server of an idle session is still there, and still the same.
extension HTTPServerConnection {
    /// How long a server may take to answer a ping; one that takes calls is not asked more quickly than it works.
    private static let pingLimit = Duration.seconds(10)

    /// Pings in a row on a stream that nothing comes of, after which it counts as broken (2024-11-05): the server takes what is
    /// posted, which is no failure of its own.
    private static let maximumSilence = 3

    /// Nothing was said for a while: asks the server whether it is there. One that says nothing counts as a failure of the
    /// upstream, for everybody; where the session is a stream, that is at its end.
    func sendHeartbeat() async {
        heardAt = EventLoop.preciseNow
        let limit = min(Self.pingLimit, server.callTimeout)
        let isAnswered: Bool
        if let channel {
            silences = await channel.ping(within: limit) ? 0 : silences + 1
            guard silences >= Self.maximumSilence, !isStopped else { return }
            return channelEnded("the server says nothing on its stream")
        } else if let client, await client.canAsk {
            isAnswered = await client.ping(within: limit)
        } else {
            return
        }
        guard !isAnswered, !isStopped else { return }
        carrier.circuit.failed(.timeout, "a ping was not answered", at: EventLoop.preciseNow)
    }

    /// Lists that are kept on this side are looked at again, where the server does not announce that they change.
    func compareLists() async {
        guard isKept else { return }
        await client?.compareLists(within: server.callTimeout)
        await channel?.compareLists(within: server.callTimeout)
    }
}
