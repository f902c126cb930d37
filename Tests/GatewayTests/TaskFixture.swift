import Foundation
import TestSupport

@testable import Gateway

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

extension ServerDefinition {
    /// ``Script/modern`` under a name of its own, with tools that it lists; `options` begins with a comma.
    static func named(_ name: String, _ options: String = "") -> ServerDefinition {
        let tools = #""tools":["job","seen","elicit","announce","end","params","log","progress","pid","hang","exit"]"#
        var server = ServerDefinition.modern("{\(tools)\(options)}")
        server.name = name
        server.path = "/\(name)/mcp"
        return server
    }
}

extension Bench {
    /// A client of all servers, which follows tasks.
    func all(
        _ token: String = "alice",
        capabilities: String =
            #"{"extensions":{"io.modelcontextprotocol/tasks":{}},"elicitation":{"form":{}},"sampling":{}}"#
    ) -> PlainModernMCP {
        PlainModernMCP(port: port, path: "/mcp", token: token, capabilities: capabilities)
    }
}

extension PlainModernMCP {
    /// What a server heard of its tasks.
    func heard(by server: String) async throws -> [[String]] {
        try await say("\(server)__seen").parsedText?["heard"] as? [[String]] ?? []
    }
}
