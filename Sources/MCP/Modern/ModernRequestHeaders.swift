package import HTTP
package import JSON

/// The header fields that mirror a modern request (2026-07-28, Streamable HTTP, "Request Metadata").
package enum ModernRequestHeaders {
    /// The revision that a request claims in its `_meta`; nil for legacy messages.
    package static func claim(of message: JSONRPCMessage) -> String? {
        message.params?["_meta"]?[Era.claimKey]?.string
    }

    /// Where `Mcp-Name` comes from; nil for methods that have none.
    package static func name(of message: JSONRPCMessage) -> JSONNode? {
        if message.isMethod("tools/call") || message.isMethod("prompts/get") { return message.params?["name"] }
        if message.isMethod("resources/read") { return message.params?["uri"] }
        if message.isMethod("tasks/get") || message.isMethod("tasks/update") || message.isMethod("tasks/cancel") {
            return message.params?["taskId"]
        }
        return nil
    }

    /// Every field for `message`, which claims `version`.
    package static func fields(
        for message: JSONRPCMessage, version: String, tools: ToolParameterHeaders
    ) -> HTTPFields {
        var fields: HTTPFields = [:]
        fields.append("MCP-Protocol-Version", version)
        if let method = message.method?.string { fields.append("Mcp-Method", method) }
        if let name = name(of: message)?.stringBytes { fields.append("Mcp-Name", HeaderText.encode(name)) }
        if message.isMethod("tools/call"), let tool = message.params?["name"]?.string {
            for (name, value) in tools.values(tool: tool, arguments: message.params?["arguments"]) {
                if let field = HTTPFieldName(validating: "Mcp-Param-\(name)") { fields.append(field, value) }
            }
        }
        return fields
    }
}
