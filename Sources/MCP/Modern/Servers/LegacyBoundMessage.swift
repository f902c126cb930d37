package import JSON

/// What a message of a modern server becomes for a legacy client (mcp.md B1, "L→M").
package enum LegacyBoundMessage {
    private static let serverInfoKey: StaticString = "io.modelcontextprotocol/serverInfo"
    private static let subscriptionKey: StaticString = "io.modelcontextprotocol/subscriptionId"

    /// A complete result under the client's id, without what only the new era says, in words of the client's revision.
    /// `outputs` remembers what a list says about tools, for the calls that follow.
    package static func result(
        _ message: JSONRPCMessage, id: JSONRPCID, method: MCPMethod, tool: JSONNode?, client: LegacyClient,
        outputs: inout ToolOutputs
    ) -> [UInt8] {
        guard let result = message.node["result"], result.isObject, let own = message.id else {
            return JSONRPCError(.internalError, "The server gave a result that is no object").response(to: id)
        }
        var patch = JSONPatch(message.node.document)
        patch.replace(own, with: id.text)
        for key in ["resultType", "ttlMs", "cacheScope"] as [StaticString] { patch.remove(key, from: result) }
        if let meta = result["_meta"], meta.isObject { patch.remove(serverInfoKey, from: meta) }
        switch method {
        case .toolsList: outputs.convert(result, for: client.version, with: &patch)
        case .toolsCall:
            outputs.convert(result, of: tool, for: client.version, with: &patch)
            if let content = result["content"] { convert(content, for: client.version, with: &patch) }
        case .promptsGet:
            for prompt in result["messages"]?.elements.map({ $0 }) ?? [] {
                if let content = prompt["content"] { convert(content, for: client.version, with: &patch) }
            }
        default: break
        }
        return patch.applied()
    }

    /// An error under the client's id. What describes the hop between us and the server is not the client's affair.
    package static func error(_ message: JSONRPCMessage, id: JSONRPCID, method: MCPMethod) -> [UInt8] {
        guard let error = message.node["error"], let number = error["code"], let code = number.integer,
            let own = message.id
        else { return JSONRPCError(.internalError, "The server gave an error that is none").response(to: id) }
        switch code {
        case JSONRPCError.Code.missingClientCapability.value:
            let needed = error["data"]?["requiredCapabilities"]?.members.compactMap { $0.key.string } ?? []
            let text = "The client cannot do what the server needs: \(needed.joined(separator: ", "))"
            return failure(text, id: id, method: method)
        case -32099 ... -32020:
            return JSONRPCError(.internalError, "The server cannot be spoken to").response(to: id)
        default:
            var patch = JSONPatch(message.node.document)
            patch.replace(own, with: id.text)
            // The number that says so in this era (c57).
            if method == .resourcesRead, code == JSONRPCError.Code.invalidParams.value, error["data"]?["uri"] != nil {
                patch.replace(number, with: Array("-32002".utf8))
            }
            return patch.applied()
        }
    }

    /// A call that cannot go on: for a tool a result that says so, which its model can read.
    package static func failure(_ text: String, id: JSONRPCID, method: MCPMethod) -> [UInt8] {
        guard method == .toolsCall else { return JSONRPCError(.internalError, text).response(to: id) }
        let result: JSONValue = ["content": [["type": "text", "text": .string(text)]], "isError": true]
        return JSONRPCText.response(to: id, result: result.serialized())
    }

    /// A notification of a listen, without the listen's number.
    package static func untagged(_ notification: JSONRPCMessage) -> [UInt8] {
        guard let params = notification.params, let meta = params["_meta"], meta.isObject else {
            return Array(notification.node.bytes)
        }
        var patch = JSONPatch(notification.node.document)
        if meta.count == 1, meta.contains(subscriptionKey) {
            patch.remove("_meta", from: params)
        } else {
            patch.remove(subscriptionKey, from: meta)
        }
        return patch.applied()
    }

    /// Of which listen a notification is.
    package static func listen(of notification: JSONRPCMessage) -> Int? {
        notification.params?["_meta"]?[subscriptionKey]?.integer.flatMap { Int(exactly: $0) }
    }

    /// Takes back question `number`.
    package static func withdrawal(of number: Int) -> [UInt8] {
        JSONRPCText.cancelled(JSONRPCID(number: number), reason: "the call has ended")
    }

    // MARK: Content

    private static func convert(_ content: JSONNode, for version: ProtocolVersion, with patch: inout JSONPatch) {
        if content.isArray { for block in content.elements { convert(block, for: version, with: &patch) } }
        guard content.isObject else { return }
        if version < .june2025, content["type"]?.equals("resource_link") == true {
            let name = content["title"]?.string ?? content["name"]?.string ?? "resource"
            let text: JSONValue = ["type": "text", "text": .string("\(name): \(content["uri"]?.string ?? "")")]
            patch.replace(content, with: text.serialized())
        } else if version < .march2025, content["type"]?.equals("audio") == true {
            let resource: JSONValue = [
                "type": "resource",
                "resource": [
                    "uri": "urn:mcp:audio", "mimeType": .string(content["mimeType"]?.string ?? "audio/*"),
                    "blob": .string(content["data"]?.string ?? ""),
                ],
            ]
            patch.replace(content, with: resource.serialized())
        }
    }
}
