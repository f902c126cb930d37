import JSON

/// The structured output of tools for clients of the legacy era: theirs is an object or is not there at all (c32, mcp.md B1
/// "content down-conversion"). Schema and output change together or clients refuse the one for the other.
package struct ToolOutputs: Sendable {
    /// Tools that are remembered; output of the others is judged by itself.
    private static let maximumTools = 10_000
    private static let maximumDepth = 64

    /// Tools whose schema was put into an object.
    private var wrapped: Set<[UInt8]> = []

    package init() {}

    /// Converts the tools of a list.
    mutating func convert(_ result: JSONNode, for version: ProtocolVersion, with patch: inout JSONPatch) {
        for tool in result["tools"]?.elements.map({ $0 }) ?? [] {
            if version < .march2025 { patch.remove("annotations", from: tool) }
            guard version >= .june2025 else {
                patch.remove("outputSchema", from: tool)
                continue
            }
            let name = tool["name"]?.stringBytes
            guard let schema = tool["outputSchema"], schema["type"]?.equals("object") != true else {
                // It may have had another one before.
                if let name { wrapped.remove(name) }
                continue
            }
            patch.replace(schema, with: Self.wrapped(schema))
            if let name, wrapped.count < Self.maximumTools { wrapped.insert(name) }
        }
    }

    /// Converts the result of a call.
    func convert(
        _ result: JSONNode, of tool: JSONNode?, for version: ProtocolVersion, with patch: inout JSONPatch
    ) {
        guard let output = result["structuredContent"] else { return }
        guard version >= .june2025 else {
            patch.remove("structuredContent", from: result)
            // Whoever cannot read it gets it as text.
            if result["content"].map({ $0.isArray && $0.count == 0 }) ?? true {
                let text: JSONValue = [
                    ["type": "text", "text": .string(String(decoding: output.bytes, as: UTF8.self))]
                ]
                patch.set("content", to: text.serialized(), in: result)
            }
            return
        }
        let isWrapped = tool?.stringBytes.map { wrapped.contains($0) } ?? false
        if isWrapped || !output.isObject {
            patch.replace(output, with: Array("{\"result\":".utf8) + output.bytes + [UInt8(ascii: "}")])
        }
    }

    /// A schema of anything as the schema of an object that has it as `result`.
    private static func wrapped(_ schema: JSONNode) -> [UInt8] {
        Array("{\"type\":\"object\",\"properties\":{\"result\":".utf8) + relocated(schema)
            + Array("},\"required\":[\"result\"]}".utf8)
    }

    // References into the document name places that have moved. A schema with an `$id` is a document of its own.
    private static func relocated(_ schema: JSONNode) -> [UInt8] {
        guard schema.isObject, !schema.contains("$id"), let alone = try? JSONDocument(parsing: Array(schema.bytes))
        else {
            return Array(schema.bytes)
        }
        var patch = JSONPatch(alone)
        relocate(alone.root, depth: 0, &patch)
        return patch.applied()
    }

    private static func relocate(_ node: JSONNode, depth: Int, _ patch: inout JSONPatch) {
        guard depth < maximumDepth else { return }
        if node.isArray { for element in node.elements { relocate(element, depth: depth + 1, &patch) } }
        for (key, value) in node.members {
            if key.equals("$ref") || key.equals("$dynamicRef"), let text = value.string {
                guard text == "#" || text.hasPrefix("#/") else { continue }
                patch.replace(value, with: JSONText.quoted("#/properties/result" + text.dropFirst()))
            } else if key.equals("default") || key.equals("const") || key.equals("enum") || key.equals("examples") {
                continue
            } else {
                relocate(value, depth: depth + 1, &patch)
            }
        }
    }
}
