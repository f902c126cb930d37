import Foundation
import TestSupport

/// What clients say where tasks are tested.
enum TaskWords {
    static let declaring = #"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#
    static let accepted = #"{"action":"accept","content":{"name":"Ada"}}"#
}

extension PlainModernMCP {
    /// A request about a task.
    func task(_ method: String, _ name: String, _ members: String = "") async throws -> MCPAnswer {
        try await ask(
            "tasks/\(method)", #""taskId":"\#(name)"\#(members.isEmpty ? "" : ",")\#(members)"#, name: name)
    }

    /// What the server was asked about which tasks.
    func heard() async throws -> [[String]] {
        try await say("seen").parsedText?["heard"] as? [[String]] ?? []
    }
}

extension MCPAnswer {
    var taskName: String? { result?["taskId"] as? String }
    var taskStatus: String? { result?["status"] as? String }
}
