package import JSON

/// Tools that a server of 2025-11-25 runs as tasks and not otherwise (`execution.taskSupport`), so that they can be called for
/// clients who know nothing of that.
package struct LegacyTasks: Sendable {
    /// Tools that are remembered.
    private static let maximumTools = 10_000
    static let relationKey: StaticString = "io.modelcontextprotocol/related-task"

    private var required: Set<[UInt8]> = []

    package init() {}

    /// Learns the definitions of one page.
    package mutating func learn(_ tools: JSONNode) {
        for tool in tools.elements {
            guard let name = tool["name"]?.stringBytes else { continue }
            if tool["execution"]?["taskSupport"]?.equals("required") == true, required.count < Self.maximumTools {
                required.insert(name)
            } else {
                required.remove(name)
            }
        }
    }

    /// Whether this call must be a task.
    package func mustBeTask(_ call: JSONRPCMessage) -> Bool {
        guard !required.isEmpty, let name = call.params?["name"]?.stringBytes else { return false }
        return required.contains(name)
    }

    /// What the server calls the task that it made of a call, as JSON text; nil where it made none.
    package static func task(in response: JSONRPCMessage) -> [UInt8]? {
        guard let id = response.node["result"]?["task"]?["taskId"], id.kind == .string else { return nil }
        return Array(id.bytes)
    }

    /// The same as a text.
    package static func name(in response: JSONRPCMessage) -> [UInt8]? {
        response.node["result"]?["task"]?["taskId"]?.stringBytes
    }

    /// The answer to `initialize` without the offer to list tasks.
    package static func withoutList(_ response: JSONRPCMessage) -> JSONRPCMessage {
        guard let tasks = response.node["result"]?["capabilities"]?["tasks"], tasks.contains("list") else {
            return response
        }
        var patch = JSONPatch(response.node.document)
        patch.remove("list", from: tasks)
        guard let document = try? JSONDocument(parsing: patch.applied()) else { return response }
        return (try? JSONRPCMessage(document.root)) ?? response
    }

    /// A request about a task, whose name is JSON text. `tasks/result` is answered when the task has ended.
    package static func request(_ method: StaticString, _ task: [UInt8], number: Int) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + DecimalText.bytes(number)
            + Array(",\"method\":\"\(method)\",\"params\":{\"taskId\":".utf8) + task + Array("}}".utf8)
    }

    /// Takes out of a tool what only clients of 2025-11-25 can act upon.
    static func strip(_ tool: JSONNode, with patch: inout JSONPatch) {
        guard let execution = tool["execution"], execution.isObject, execution.contains("taskSupport") else { return }
        if execution.count == 1 {
            patch.remove("execution", from: tool)
        } else {
            patch.remove("taskSupport", from: execution)
        }
    }
}
