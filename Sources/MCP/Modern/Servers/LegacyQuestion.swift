import JSON

/// An entry of `inputRequests` as a request to a legacy client (mcp.md B1, "Pump").
package enum LegacyQuestion: Sendable {
    /// The message, for the client's stream.
    case message([UInt8])
    /// The client's revision has no words for it: what it would have answered, as JSON text of a result.
    case answer([UInt8])
    /// It may not be asked, or cannot be asked, and there is no answer that means so.
    case impossible

    /// What the server learns when a client's error, or its silence, answers `method`; nil where only the end of the call can
    /// say it: this era has words for that in elicitation alone.
    package static func refusal(of method: MCPMethod) -> [UInt8]? {
        method == .elicitationCreate ? Array("{\"action\":\"cancel\"}".utf8) : nil
    }

    /// The question under `number`, by what the client declared and can understand.
    package static func make(_ entry: InputRequired.Entry, number: Int, client: LegacyClient) -> LegacyQuestion {
        var text = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + DecimalText.bytes(number)
        text += Array(",\"method\":".utf8) + JSONText.quoted(entry.method.rawValue)
        if let params = entry.params { text += Array(",\"params\":".utf8) + params.bytes }
        text.append(UInt8(ascii: "}"))
        guard let document = try? JSONDocument(parsing: text), let message = try? JSONRPCMessage(document.root),
            client.capabilities.allows(message)
        else { return .impossible }
        switch entry.method {
        case .elicitationCreate: return elicitation(message, number, client.version)
        case .samplingCreateMessage: return sampling(message, client.version)
        default: return .message(text)
        }
    }

    private static func elicitation(_ message: JSONRPCMessage, _ number: Int, _ version: ProtocolVersion)
        -> LegacyQuestion
    {
        guard let params = message.params else { return .impossible }
        var patch = JSONPatch(message.node.document)
        if params["mode"]?.equals("url") == true {
            // 2025-11-25 wants one; what would refer to it does not exist in the new era.
            if params["elicitationId"] == nil {
                patch.set("elicitationId", to: JSONText.quoted("sallyport-\(number)"), in: params)
            }
            return .message(patch.applied())
        }
        guard version < .november2025 else { return .message(Array(message.node.bytes)) }
        patch.remove("mode", from: params)
        let properties = params["requestedSchema"]?["properties"]?.members.map(\.value) ?? []
        for property in properties {
            guard property["type"]?.equals("array") != true else {
                // Several choices at once came with 2025-11-25.
                return refusal(of: .elicitationCreate).map { .answer($0) } ?? .impossible
            }
            guard let choices = property["oneOf"], choices.isArray else { continue }
            let values = choices.elements.compactMap { $0["const"] }
            guard values.count == choices.count else { continue }
            patch.remove("oneOf", from: property)
            patch.set("enum", to: list(values.map { Array($0.bytes) }), in: property)
            let names = zip(choices.elements, values).map { choice, value in
                JSONText.quoted(choice["title"]?.string ?? value.string ?? "")
            }
            patch.set("enumNames", to: list(names), in: property)
        }
        return .message(patch.applied())
    }

    /// Lists of content, and tools, came with 2025-11-25.
    private static func sampling(_ message: JSONRPCMessage, _ version: ProtocolVersion) -> LegacyQuestion {
        guard version < .november2025 else { return .message(Array(message.node.bytes)) }
        var patch = JSONPatch(message.node.document)
        for sampled in message.params?["messages"]?.elements.map({ $0 }) ?? [] {
            guard let content = sampled["content"] else { return .impossible }
            guard content.isArray else { continue }
            guard content.count == 1, let block = content[0], block["type"]?.equals("tool_use") != true,
                block["type"]?.equals("tool_result") != true
            else { return .impossible }
            patch.replace(content, with: Array(block.bytes))
        }
        return .message(patch.applied())
    }

    private static func list(_ texts: [[UInt8]]) -> [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "[")]
        for (position, element) in texts.enumerated() {
            if position > 0 { text.append(UInt8(ascii: ",")) }
            text += element
        }
        return text + [UInt8(ascii: "]")]
    }
}
