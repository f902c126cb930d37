import JSON

/// What a client told its session and a server that begins another in its place does not know: the level of its log, and
/// what it subscribed to.
struct SessionMemory {
    /// Beyond that subscriptions are not remembered.
    private static let maximumSubscriptions = 1000

    private var level: [UInt8]?
    /// By URI, with the request that made each.
    private var subscriptions: [String: [UInt8]] = [:]

    /// Looks at a request that goes out.
    mutating func note(_ message: JSONRPCMessage) {
        if message.isMethod("logging/setLevel") {
            level = Array(message.node.bytes)
        } else if message.isMethod("resources/subscribe"), let uri = message.params?["uri"]?.string {
            guard subscriptions.count < Self.maximumSubscriptions || subscriptions[uri] != nil else { return }
            subscriptions[uri] = Array(message.node.bytes)
        } else if message.isMethod("resources/unsubscribe"), let uri = message.params?["uri"]?.string {
            subscriptions[uri] = nil
        }
    }

    /// The requests that tell it again. Their ids are free in a new session.
    var requests: [[UInt8]] { (level.map { [$0] } ?? []) + subscriptions.values }

    /// What may have changed meanwhile: notifications for the client, as the capabilities of the new session allow them.
    func changes(_ capabilities: JSONNode?) -> [[UInt8]] {
        var methods: [String] = []
        for list in ["tools", "prompts", "resources"] where capabilities?[list]?["listChanged"]?.boolean == true {
            methods.append("notifications/\(list)/list_changed")
        }
        return methods.map { JSONValue.object([.init("jsonrpc", "2.0"), .init("method", .string($0))]).serialized() }
            + subscriptions.keys.sorted().map { uri in
                let message: JSONValue = [
                    "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": ["uri": .string(uri)],
                ]
                return message.serialized()
            }
    }
}
