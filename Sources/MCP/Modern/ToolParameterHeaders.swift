package import JSON

/// Which arguments of which tools are mirrored into `Mcp-Param-*` (2026-07-28, `x-mcp-header`): learnt from the answers to
/// `tools/list`, used for every `tools/call`.
package struct ToolParameterHeaders: Sendable {
    /// One annotated property.
    package struct Parameter: Sendable, Hashable {
        /// What follows `Mcp-Param-`.
        package let name: String
        /// The keys from the root of the arguments to the property.
        package let path: [String]
    }

    /// Tools that are remembered; beyond that none is learnt, and calls of the others go without these headers.
    private static let maximumTools = 10_000
    private static let maximumDepth = 16

    private var parameters: [String: [Parameter]] = [:]

    package init() {}

    /// Learns the definitions of one page and returns the positions of the tools whose annotations break a rule: a client
    /// must not show those.
    package mutating func learn(_ tools: JSONNode) -> [Int] {
        var invalid: [Int] = []
        for (position, tool) in tools.elements.enumerated() {
            guard let name = tool["name"]?.string else { continue }
            guard let found = Self.parameters(of: tool["inputSchema"]) else {
                parameters[name] = nil
                invalid.append(position)
                continue
            }
            if found.isEmpty {
                parameters[name] = nil
            } else if parameters.count < Self.maximumTools || parameters[name] != nil {
                parameters[name] = found
            }
        }
        return invalid
    }

    /// The parameters of a tool that are mirrored.
    package func parameters(of tool: String) -> [Parameter] { parameters[tool] ?? [] }

    /// What is mirrored of a call; a value that is missing, null or of another kind is not.
    package func values(tool: String, arguments: JSONNode?) -> [(name: String, value: String)] {
        parameters(of: tool).compactMap { parameter in
            var node = arguments
            for key in parameter.path { node = node?[key] }
            guard let node else { return nil }
            switch node.kind {
            case .string: return node.stringBytes.map { (parameter.name, HeaderText.encode($0)) }
            case .number, .boolean: return (parameter.name, String(decoding: node.bytes, as: UTF8.self))
            case .object, .array, .null: return nil
            }
        }
    }

    /// Takes every annotation out of a tool's input schema.
    package static func strip(_ tool: JSONNode, with patch: inout JSONPatch) {
        guard let schema = tool["inputSchema"] else { return }
        strip(below: schema, &patch)
    }

    private static func strip(below node: JSONNode, _ patch: inout JSONPatch) {
        if node.isArray { for element in node.elements { strip(below: element, &patch) } }
        guard node.isObject else { return }
        patch.remove("x-mcp-header", from: node)
        for (key, value) in node.members where !isData(key) { strip(below: value, &patch) }
    }

    /// The annotated properties of an input schema; nil where one of them breaks a rule.
    static func parameters(of schema: JSONNode?) -> [Parameter]? {
        guard let schema else { return [] }
        var found: [Parameter] = []
        guard collect(schema, path: [], isProperty: false, into: &found) else { return nil }
        var names: Set<String> = []
        for parameter in found where !names.insert(parameter.name.lowercased()).inserted { return nil }
        return found
    }

    /// Walks the whole schema: an annotation anywhere but on a property that `properties` alone lead to is an error.
    private static func collect(
        _ schema: JSONNode, path: [String], isProperty: Bool, into found: inout [Parameter]
    ) -> Bool {
        guard path.count <= maximumDepth else { return !mentionsAnnotation(schema) }
        guard schema.isObject else { return schema.isArray ? !mentionsAnnotation(schema) : true }
        for (key, value) in schema.members {
            if key.equals("x-mcp-header") {
                guard isProperty, let parameter = parameter(value, schema, path) else { return false }
                found.append(parameter)
            } else if key.equals("properties"), value.isObject {
                for (name, property) in value.members {
                    guard let name = name.string,
                        collect(property, path: path + [name], isProperty: true, into: &found)
                    else { return false }
                }
            } else if isData(key) {
                continue
            } else if mentionsAnnotation(value) {
                return false
            }
        }
        return true
    }

    /// Keywords whose values are data and not schemas.
    private static func isData(_ key: JSONNode) -> Bool {
        key.equals("default") || key.equals("const") || key.equals("enum") || key.equals("examples")
            || key.equals("example")
    }

    private static func parameter(_ annotation: JSONNode, _ schema: JSONNode, _ path: [String]) -> Parameter? {
        guard let name = annotation.string, !name.isEmpty, name.utf8.allSatisfy(isToken), let type = schema["type"],
            type.equals("string") || type.equals("integer") || type.equals("boolean")
        else { return nil }
        return Parameter(name: name, path: path)
    }

    private static func mentionsAnnotation(_ node: JSONNode) -> Bool {
        if node.isObject {
            return node.members.contains { $0.key.equals("x-mcp-header") || mentionsAnnotation($0.value) }
        }
        return node.isArray && node.elements.contains { mentionsAnnotation($0) }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
