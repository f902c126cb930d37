import JSON

/// What messages become between one server of an aggregate and its clients: ids, names and URIs wherever they are structural
/// (mcp.md C1, C4), and who speaks (C12). Texts, arguments and structured content stay as they are.
package struct AggregateMessages: Sendable {
    /// The member of `_meta` that tells clients which server asks.
    package static let serverKey: StaticString = "dev.sallyport/server"

    /// The parameter of `tools/list` that names the one tool whose definition is wanted.
    package static let toolKey: StaticString = "dev.sallyport/tool"

    private let server: Int
    private let name: [UInt8]
    private let uris: ExposedURIs

    package init(server: Int, name: String, uris: ExposedURIs) {
        self.server = server
        self.name = Array(name.utf8)
        self.uris = uris
    }

    // MARK: To the server

    /// What of a request goes to the server in other words.
    package enum Target: Sendable, Hashable {
        /// `params.name`.
        case name([UInt8])
        /// `params.uri`.
        case uri([UInt8])
        /// `params.ref.name`.
        case promptReference([UInt8])
        /// `params.ref.uri`.
        case resourceReference([UInt8])
        /// `params.cursor`.
        case cursor([UInt8])
        /// `params.taskId`.
        case task([UInt8])
        case nothing
    }

    /// A request, which must be a whole line, as a line under our number. The envelope of a modern client is kept where the server
    /// reads it.
    package func request(
        _ message: JSONRPCMessage, number: Int, target: Target, keepsEnvelope: Bool = false
    ) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if !keepsEnvelope, RelayedMessage.hasEnvelope(message) {
            ServerBoundMessage.removeEnvelope(of: message, with: &patch)
        }
        let digits = DecimalText.bytes(number)
        if let id = message.id { patch.replace(id, with: digits) }
        if let token = message.progressToken { patch.replace(token, with: digits) }
        let params = message.params
        func put(_ own: [UInt8], _ place: JSONNode?) {
            if let place { patch.replace(place, with: JSONText.quoted(String(decoding: own, as: UTF8.self))) }
        }
        switch target {
        case .name(let own): put(own, params?["name"])
        case .uri(let own): put(own, params?["uri"])
        case .promptReference(let own): put(own, params?["ref"]?["name"])
        case .resourceReference(let own): put(own, params?["ref"]?["uri"])
        case .cursor(let own): put(own, params?["cursor"])
        case .task(let own): put(own, params?["taskId"])
        case .nothing: break
        }
        return patch.applied() + [0x0A]
    }

    /// `initialize` of a client as a line: what is not routed between clients and servers, the server does not see.
    package func initialize(_ message: JSONRPCMessage, number: Int, offeredVersion: String?) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if let id = message.id { patch.replace(id, with: DecimalText.bytes(number)) }
        if let capabilities = message.params?["capabilities"], capabilities.isObject {
            patch.remove("tasks", from: capabilities)
            patch.remove("experimental", from: capabilities)
        }
        if let offeredVersion, let version = message.params?["protocolVersion"] {
            patch.replace(version, with: JSONText.quoted(offeredVersion))
        }
        return patch.applied() + [0x0A]
    }

    // MARK: To the client

    /// A response under the id that the client's side knows. `task` gives JSON text of what clients call a task.
    package func response(
        _ message: JSONRPCMessage, id: JSONRPCID, method: MCPMethod, task: (_ own: [UInt8]) -> [UInt8]? = { _ in nil }
    ) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if let own = message.id { patch.replace(own, with: id.text) }
        if let result = message.node["result"] {
            let isTask = method != .toolsCall || result["resultType"]?.equals("task") == true
            let named = isTask ? result["taskId"] : result["task"]?["taskId"]
            for place in [named, Self.relation(result)] {
                if let place, let own = place.stringBytes, let name = task(own) { patch.replace(place, with: name) }
            }
            if let asked = result["inputRequests"] {
                for (_, question) in asked.members {
                    name(question["params"], MCPMethod(question["method"]), &patch)
                }
            }
            // What a task has come to, in answer to a request about it.
            if method == .other { edit(content: result["result"]?["content"], &patch) }
            switch method {
            case .toolsCall:
                edit(content: result["content"], &patch)
                edit(result["_meta"]?["ui"]?["resourceUri"], &patch)
            case .promptsGet:
                edit(messages: result["messages"], &patch)
            case .resourcesRead:
                guard let contents = result["contents"] else { break }
                for content in contents.elements { edit(content["uri"], &patch) }
            default: break
            }
        } else if let error = message.node["error"] {
            edit(error["data"]?["uri"], &patch)
            // Questions that 2025-11-25 puts by an error.
            if error["code"]?.integer == ModernMessage.urlElicitationRequired,
                let asked = error["data"]?["elicitations"]
            {
                for elicitation in asked.elements { name(elicitation, .elicitationCreate, &patch) }
            }
        }
        return patch.applied()
    }

    /// Where a message says to which task it belongs.
    private static func relation(_ node: JSONNode?) -> JSONNode? {
        node?["_meta"]?[AggregateTasks.relationKey]?["taskId"]
    }

    /// What a server says of a task by itself.
    package func taskStatus(_ message: JSONRPCMessage, task: [UInt8]) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if let place = message.params?["taskId"] { patch.replace(place, with: task) }
        if let place = Self.relation(message.params) { patch.replace(place, with: task) }
        return patch.applied()
    }

    /// A question under a number that is ours. Whoever is asked learns by whom. `task` gives JSON text of what clients call a task.
    package func question(
        _ message: JSONRPCMessage, number: Int, task: (_ own: [UInt8]) -> [UInt8]? = { _ in nil }
    ) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if let place = Self.relation(message.params), let own = place.stringBytes, let name = task(own) {
            patch.replace(place, with: name)
        }
        if let id = message.id { patch.replace(id, with: DecimalText.bytes(number)) }
        if let token = message.progressToken { patch.replace(token, with: DecimalText.bytes(number)) }
        guard let params = message.params, params.isObject else { return patch.applied() }
        let quotedName = JSONText.quoted(String(decoding: name, as: UTF8.self))
        if let meta = params["_meta"], meta.isObject {
            patch.set(Self.serverKey, to: quotedName, in: meta)
        } else {
            patch.set("_meta", to: Array("{\"\(Self.serverKey)\":".utf8) + quotedName + [0x7D], in: params)
        }
        name(params, MCPMethod(message.method), &patch)
        return patch.applied()
    }

    /// Says in a question who asks.
    private func name(_ params: JSONNode?, _ method: MCPMethod, _ patch: inout JSONPatch) {
        guard let params, params.isObject else { return }
        let introduction = Array("[".utf8) + name + Array("] ".utf8)
        switch method {
        case .elicitationCreate:
            if let text = params["message"] { prepend(introduction, to: text, &patch) }
        case .samplingCreateMessage:
            edit(messages: params["messages"], &patch)
            if let prompt = params["systemPrompt"], prompt.kind == .string {
                prepend(introduction, to: prompt, &patch)
            } else {
                let text = "This is asked by the MCP server \"\(String(decoding: name, as: UTF8.self))\"."
                patch.set("systemPrompt", to: JSONText.quoted(text), in: params)
            }
        default: break
        }
    }

    /// A log message, whose logger gets the server before it.
    package func log(_ message: JSONRPCMessage) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        guard let params = message.params, params.isObject else { return patch.applied() }
        if let logger = params["logger"], logger.kind == .string {
            prepend(name + [UInt8(ascii: "/")], to: logger, &patch)
        } else {
            patch.set("logger", to: JSONText.quoted(String(decoding: name, as: UTF8.self)), in: params)
        }
        return patch.applied()
    }

    /// `notifications/resources/updated`.
    package func updated(_ message: JSONRPCMessage) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        edit(message.params?["uri"], &patch)
        return patch.applied()
    }

    // MARK: Places

    private func edit(messages node: JSONNode?, _ patch: inout JSONPatch) {
        guard let node else { return }
        for message in node.elements { edit(content: message["content"], &patch) }
    }

    private func edit(content node: JSONNode?, _ patch: inout JSONPatch) {
        guard let node else { return }
        if node.isArray {
            for element in node.elements { edit(content: element, &patch) }
            return
        }
        guard node.isObject, let type = node["type"] else { return }
        if type.equals("resource_link") {
            edit(node["uri"], &patch)
        } else if type.equals("resource") {
            edit(node["resource"]?["uri"], &patch)
        } else if type.equals("tool_result") {
            edit(content: node["content"], &patch)
        }
    }

    private func edit(_ uri: JSONNode?, _ patch: inout JSONPatch) {
        guard let uri, let own = uri.stringBytes, let prefix = uris.prefix(for: own, of: server) else { return }
        prepend(prefix, to: uri, &patch)
    }

    /// Puts `text`, in which nothing must be escaped, before the characters of a string.
    private func prepend(_ text: [UInt8], to node: JSONNode, _ patch: inout JSONPatch) {
        guard node.kind == .string else { return }
        patch.replace(node, with: [UInt8(ascii: "\"")] + text + node.bytes.dropFirst())
    }
}
