import AsyncIO
import MCP

/// What one session watches at a modern server, and the `subscriptions/listen` that serves it (c26): at most one that is
/// acknowledged, and one that is to take its place. Confined to the loop of its connection.
struct ModernListening {
    /// A listen at the server.
    struct Listen {
        let number: Int
        /// What it asks for; once it is acknowledged what the server keeps of that.
        var filter: ListenFilter
        /// When to stop waiting for the acknowledgement.
        let deadline: LoopInstant
        /// Since when it is in force.
        var since: LoopInstant?
        /// Whether another one ended without having been told to: what happened since is not known.
        let isResumption: Bool
    }

    /// A `resources/subscribe` that waits for a listen.
    struct Subscriber {
        let id: JSONRPCID
        let uri: String
    }

    /// Everything that is to be watched.
    var wanted = ListenFilter()
    var active: Listen?
    var opening: Listen?
    /// Whether ``wanted`` has changed since the opening one was sent.
    var isOutdated = false
    var subscribers: [Subscriber] = []
    /// The numbers of listens that were given up lately: what still comes of them is no fault of the server.
    var retired: [Int] = []
    /// When to listen again after the server ended a listen or did not begin one, and how often in a row that was.
    var resumesAt: LoopInstant?
    var endings = 0

    var nextDue: LoopInstant? { [opening?.deadline, resumesAt].compactMap { $0 }.min() }

    var isEmpty: Bool { wanted == ListenFilter() }

    /// Listens again after a while, which is longer each time: 1 s, 2 s, … 64 s, each a little different, because many may have
    /// lost the same server.
    mutating func resumeLater(_ now: LoopInstant) {
        endings = min(endings + 1, 6)
        resumesAt = now + .milliseconds(500 << endings) + .milliseconds(Int64.random(in: 0..<500))
    }

    mutating func retire(_ listen: Listen) {
        retired.append(listen.number)
        if retired.count > 16 { retired.removeFirst() }
    }
}
