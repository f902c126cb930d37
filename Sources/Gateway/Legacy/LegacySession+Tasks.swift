import JSON
import MCP

/// The tasks of 2025-11-25 that were made in one session of several which the server cannot tell apart: they share its process,
/// or it knows us all by one credential. No other may be named there (M08).
struct OwnTasks {
    /// Beyond that the oldest is forgotten.
    private static let maximum = 4096

    private var names: Set<[UInt8]> = []
    private var order: [[UInt8]] = []

    /// The server made a task of a call.
    mutating func made(_ name: [UInt8]) {
        guard names.insert(name).inserted else { return }
        order.append(name)
        if order.count > Self.maximum { names.remove(order.removeFirst()) }
    }

    /// Why a request may not go on; nil where it concerns no task, or one of these.
    func refusal(_ message: JSONRPCMessage, _ method: MCPMethod) -> JSONRPCError? {
        switch method {
        case .tasksList: return JSONRPCError(.methodNotFound, "Method not found")
        case .tasksGet, .tasksResult, .tasksCancel:
            let isOwn = message.params?["taskId"]?.stringBytes.map { names.contains($0) } ?? false
            return isOwn ? nil : .unknownTask
        default: return nil
        }
    }
}

extension LegacySession {
    /// Whether the server can tell this session's tasks from those of others.
    private nonisolated var hasServerOfItsOwn: Bool { server.remote == nil && server.isolation == .session }

    /// A response as the client gets it: tasks that it tells of are this session's from here on.
    func keepingTasksApart(_ response: JSONRPCMessage, _ method: MCPMethod) -> JSONRPCMessage {
        if method == .initialize { return withoutForeignTasks(response) }
        if ownTasks != nil, let task = LegacyTasks.name(in: response) { ownTasks?.made(task) }
        return response
    }

    /// The answer to `initialize` as the client gets it: without a list of tasks that would be everybody's. From here on those
    /// of this session are kept apart.
    private func withoutForeignTasks(_ response: JSONRPCMessage) -> JSONRPCMessage {
        guard !isBridged, !hasServerOfItsOwn, let tasks = response.node["result"]?["capabilities"]?["tasks"],
            tasks.isObject
        else { return response }
        ownTasks = OwnTasks()
        return LegacyTasks.withoutList(response)
    }
}
