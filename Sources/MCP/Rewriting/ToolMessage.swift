import JSON

/// Calls and lists of tools with other names than the server's.
package enum ToolMessage {
    /// What a call names.
    package enum Name: Sendable, Hashable {
        case text([UInt8])
        /// Something that is no text, whatever a server would make of it.
        case other
    }

    /// The tool that `call` names; nil where it names none.
    package static func name(of call: JSONRPCMessage) -> Name? {
        // Parameters by position name something to whoever takes them so.
        if let params = call.params, !params.isObject { return .other }
        guard let name = call.params?["name"] else { return nil }
        return name.stringBytes.map { .text($0) } ?? .other
    }

    /// `call` for another tool.
    package static func call(_ call: JSONRPCMessage, named name: [UInt8]) -> JSONRPCMessage? {
        guard let place = call.params?["name"] else { return nil }
        return read(
            Splice.replacing(place, with: JSONText.quoted(String(decoding: name, as: UTF8.self)), in: call.node))
    }

    /// The answer to `tools/list` with the names that `naming` gives, without the tools for which it has none and without
    /// those that have no name. An answer that is no list stays as it is; nil where the result cannot be read.
    package static func list(
        _ answer: JSONRPCMessage, naming: (_ own: [UInt8]) -> [UInt8]?
    ) -> JSONRPCMessage? {
        guard let tools = answer.node["result"]?["tools"], tools.isArray else { return answer }
        var text: [UInt8] = [UInt8(ascii: "[")]
        for tool in tools.elements {
            guard let place = tool["name"], let own = place.stringBytes, let name = naming(own) else { continue }
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            if name == own {
                text += tool.bytes
            } else {
                let quoted = JSONText.quoted(String(decoding: name, as: UTF8.self))
                text += Splice.replacing(place, with: quoted, in: tool)
            }
        }
        text.append(UInt8(ascii: "]"))
        return read(Splice.replacing(tools, with: text, in: answer.node))
    }

    private static func read(_ text: [UInt8]) -> JSONRPCMessage? {
        guard let document = try? JSONDocument(parsing: text) else { return nil }
        return try? JSONRPCMessage(document.root)
    }
}
