package import JSON

/// `io.modelcontextprotocol/tasks` (SEP-2663), the tasks of the modern era.
package enum TasksExtension {
    package static let key: StaticString = "io.modelcontextprotocol/tasks"

    /// Whether these capabilities, of a client or of a server, have it.
    package static func isDeclared(in capabilities: JSONNode?) -> Bool {
        capabilities?["extensions"]?[key]?.isObject == true
    }
}

extension MCPMethod {
    /// Whether it names a task that the server made before.
    package var isOfTask: Bool {
        switch self {
        case .tasksGet, .tasksUpdate, .tasksCancel: true
        default: false
        }
    }
}

extension JSONRPCError {
    /// The client follows tasks without having declared that it can (c37).
    package static let needsTasks = JSONRPCError(
        .missingClientCapability, "Tasks are for clients that declare their extension",
        data: ["requiredCapabilities": ["extensions": ["io.modelcontextprotocol/tasks": [:]]]])
    /// No task, or nobody's business (M08).
    package static let unknownTask = JSONRPCError(.invalidParams, "Unknown task")
}
