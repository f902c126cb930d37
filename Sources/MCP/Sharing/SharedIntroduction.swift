package import JSON

/// What a legacy server that several sessions use said to the one `initialize` that it saw, for each of their own.
package struct SharedIntroduction: Sendable {
    private let document: JSONDocument

    /// The result of `initialize`; nil where it cannot be read.
    package init?(_ result: JSONNode) {
        guard let document = try? JSONDocument(parsing: Array(result.bytes)), document.root.isObject else { return nil }
        self.document = document
    }

    /// The answer to the `initialize` of a session. What its client offered is agreed on where it is older than what the
    /// server speaks, and results are put into its words (``response(_:id:method:for:)``): to answer with the server's own revision
    /// would be less work, and turn away every client that has not learnt that. Without `logs` the server's messages go nowhere,
    /// so that they are not offered.
    package func answer(to initialize: JSONRPCMessage, logs: Bool) -> [UInt8]? {
        guard let id = initialize.exactID else { return nil }
        var patch = JSONPatch(document)
        if let version = document.root["protocolVersion"], let agreed = agreed(with: initialize) {
            patch.replace(version, with: JSONText.quoted(agreed.rawValue))
        }
        if !logs, let capabilities = document.root["capabilities"], capabilities.isObject {
            patch.remove("logging", from: capabilities)
        }
        return JSONRPCText.response(to: id, result: patch.applied())
    }

    private func agreed(with initialize: JSONRPCMessage) -> ProtocolVersion? {
        guard let offered = initialize.params?["protocolVersion"]?.stringBytes.flatMap({ ProtocolVersion(bytes: $0) }),
            let spoken, offered.era == .legacy, offered < spoken
        else { return nil }
        return offered
    }

    private var spoken: ProtocolVersion? {
        document.root["protocolVersion"]?.stringBytes.flatMap { ProtocolVersion(bytes: $0) }
    }

    /// A response, which must be a whole text, under the id of a client's request, in words of the revision agreed on with it: the
    /// server writes in its own for everybody.
    package func response(
        _ message: JSONRPCMessage, id: JSONRPCID, method: MCPMethod, for client: LegacyClient?
    ) -> [UInt8] {
        guard let client, let spoken, client.version < spoken, message.node["result"]?.isObject == true else {
            return ClientBoundMessage.response(message, id: id)
        }
        // Output of a server of this era is an object, so that what it is put into need not be remembered.
        var outputs = ToolOutputs()
        return LegacyBoundMessage.result(
            message, id: id, method: method, tool: nil, client: client, outputs: &outputs)
    }

    /// The `initialize` of the gateway itself; `asks` declares that clients can be asked everything there is.
    package static func initialize(version: String, asks: Bool) -> [UInt8] {
        let capabilities: JSONValue =
            asks ? ["roots": ["listChanged": true], "sampling": [:], "elicitation": ["form": [:], "url": [:]]] : [:]
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": [
                "protocolVersion": .string(version), "capabilities": capabilities,
                "clientInfo": ["name": "sallyport", "version": "1"],
            ],
        ]
        return message.serialized() + [0x0A]
    }

    /// The notification that follows it.
    package static let initialized = Array("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n".utf8)
}

extension JSONRPCMessage {
    /// The number of a response that is one of ours; nil for another id.
    package var number: Int? { id?.integer.flatMap { Int(exactly: $0) } }
}
