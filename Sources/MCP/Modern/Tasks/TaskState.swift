package import JSON

/// What a modern server says of a task in answer to `tasks/get` (SEP-2663).
package enum TaskState: Sendable {
    case working
    /// It asks for `inputRequests`.
    case inputRequired(InputRequired)
    /// The call that became the task has this answer: a response of the server's, under some id.
    case ended(JSONRPCMessage)
    case cancelled
    /// Nothing that the extension knows.
    case unreadable

    package init(_ task: JSONNode) {
        guard let status = task["status"] else {
            self = .unreadable
            return
        }
        if status.equals("working") {
            self = .working
        } else if status.equals("cancelled") {
            self = .cancelled
        } else if status.equals("input_required") {
            self = InputRequired(task).map { .inputRequired($0) } ?? .unreadable
        } else if status.equals("completed") {
            self = Self.ended("result", task)
        } else if status.equals("failed") {
            self = Self.ended("error", task)
        } else {
            self = .unreadable
        }
    }

    private static func ended(_ member: StaticString, _ task: JSONNode) -> TaskState {
        guard let value = task[member], value.isObject else { return .unreadable }
        let text = Array("{\"jsonrpc\":\"2.0\",\"id\":0,\"\(member)\":".utf8) + value.bytes + [UInt8(ascii: "}")]
        guard let document = try? JSONDocument(parsing: text), let message = try? JSONRPCMessage(document.root) else {
            return .unreadable
        }
        return .ended(message)
    }

    /// How long the server wants to be left alone: between 50 ms and a minute, a second where it says nothing.
    package static func interval(_ task: JSONNode) -> Duration {
        guard let milliseconds = task["pollIntervalMs"]?.integer else { return .seconds(1) }
        return .milliseconds(min(max(milliseconds, 50), 60_000))
    }
}
