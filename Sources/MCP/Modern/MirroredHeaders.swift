package import HTTP
package import JSON

/// The header fields of a modern request against its body (c10–c13): every one must be there once and say the same.
package enum MirroredHeaders {
    /// `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`; anything else is `-32020`.
    package static func check(
        _ fields: HTTPFields, _ message: JSONRPCMessage, _ envelope: ModernEnvelope
    ) throws(JSONRPCError) {
        try check("MCP-Protocol-Version", value(fields, "mcp-protocol-version"), envelope.version.utf8)
        try check("Mcp-Method", value(fields, "mcp-method"), message.method?.stringBytes ?? [])
        guard let name = ModernRequestHeaders.name(of: message) else {
            // Some methods have no name; one that should have one, and has none in its body, has none here either.
            guard !hasName(message) || fields.count(of: "mcp-name") == 0 else { throw mismatch("Mcp-Name") }
            return
        }
        guard let bytes = name.stringBytes else { throw mismatch("Mcp-Name") }
        guard let value = try value(fields, "mcp-name") else { throw missing("Mcp-Name") }
        guard let text = HeaderText.decode(value) else { throw mismatch("Mcp-Name") }
        try check("Mcp-Name", text[...], bytes)
    }

    /// `Mcp-Param-*` of a tool call, by the annotations of the tool. Those that no annotation names are nobody's business.
    package static func check(
        _ fields: HTTPFields, tool: String, arguments: JSONNode?, _ tools: ToolParameterHeaders
    ) throws(JSONRPCError) {
        for parameter in tools.parameters(of: tool) {
            let label = "Mcp-Param-\(parameter.name)"
            guard let field = HTTPFieldName(validating: label.lowercased()) else { continue }
            var argument = arguments
            for key in parameter.path { argument = argument?[key] }
            let received = try value(fields, field)
            guard let argument, !argument.isNull else {
                guard received == nil else { throw mismatch(label) }
                continue
            }
            guard let received else { throw missing(label) }
            guard let text = HeaderText.decode(received), isSame(text, argument) else { throw mismatch(label) }
        }
    }

    private static func hasName(_ message: JSONRPCMessage) -> Bool {
        message.isMethod("tools/call") || message.isMethod("prompts/get") || message.isMethod("resources/read")
            || MCPMethod(message.method).isOfTask
    }

    /// Texts as bytes, integers by their value: `42.0` is `42`.
    private static func isSame(_ text: [UInt8], _ argument: JSONNode) -> Bool {
        if let bytes = argument.stringBytes { return text.elementsEqual(bytes) }
        if text.elementsEqual(argument.bytes) { return true }
        guard argument.kind == .number, let document = try? JSONDocument(parsing: text),
            let one = document.root.number, let other = argument.number
        else { return false }
        return one == other && abs(one) < 9_007_199_254_740_992
    }

    private static func value(_ fields: HTTPFields, _ name: HTTPFieldName) throws(JSONRPCError) -> ArraySlice<UInt8>? {
        guard fields.count(of: name) <= 1 else { throw JSONRPCError(.headerMismatch, "A header field is repeated") }
        return fields.bytes(name)
    }

    private static func check(
        _ name: String, _ value: ArraySlice<UInt8>?, _ expected: some Sequence<UInt8>
    ) throws(JSONRPCError) {
        guard let value else { throw missing(name) }
        guard value.elementsEqual(expected) else { throw mismatch(name) }
    }

    private static func missing(_ name: String) -> JSONRPCError {
        JSONRPCError(.headerMismatch, "\(name) is missing")
    }

    private static func mismatch(_ name: String) -> JSONRPCError {
        JSONRPCError(.headerMismatch, "\(name) does not agree with the body")
    }
}
