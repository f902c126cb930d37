import JSON

/// What a message of a legacy server becomes for a modern client (mcp.md B1, "M→L").
package enum ModernMessage {
    private static let serverInfoKey: StaticString = "io.modelcontextprotocol/serverInfo"
    private static let subscriptionKey: StaticString = "io.modelcontextprotocol/subscriptionId"

    /// An answer, and whether it says that the method is unknown or the parameters are wrong: those have a status of their
    /// own in HTTP (c17, c18).
    package struct Answer: Sendable {
        package let text: [UInt8]
        package let error: JSONRPCError.Code?

        package init(_ text: [UInt8], error: JSONRPCError.Code? = nil) {
            self.text = text
            self.error = error
        }

        /// An error of our own.
        package init(_ error: JSONRPCError, to id: JSONRPCID) {
            self.init(error.response(to: id), error: error.code)
        }
    }

    // Edits name places in the whole document, and this may be one message of several in a line.
    private static func alone(_ message: JSONRPCMessage) -> JSONNode {
        guard message.node.range != message.node.document.root.range else { return message.node }
        return (try? JSONDocument(parsing: Array(message.node.bytes)))?.root ?? message.node
    }

    /// What a server says of a request in which it failed; nil where it did not.
    package static func failure(_ response: JSONRPCMessage) -> String? {
        if let error = response.node["error"] { return error["message"]?.string ?? "" }
        guard let result = response.node["result"], result["isError"]?.boolean == true else { return nil }
        return result["content"]?.elements.compactMap { $0["text"]?.string }.joined(separator: " ") ?? ""
    }

    /// The response under the client's id. `brokenTools` are positions of tools whose annotations a client would have to
    /// refuse: they go without. Results say that they are complete and whose they are, lists and contents that
    /// nobody may keep them (c23, c25); errors keep their message and get a number that means the same in this era.
    package static func response(
        _ message: JSONRPCMessage, id: JSONRPCID, method: MCPMethod, serverInfo: [UInt8]?, brokenTools: [Int] = []
    ) -> Answer {
        let node = alone(message)
        guard let result = node["result"] else { return error(node, id) }
        guard result.isObject, let own = node["id"] else {
            return Answer(JSONRPCError(.internalError, "The server gave a result that is no object"), to: id)
        }
        var patch = JSONPatch(node.document)
        patch.replace(own, with: id.text)
        patch.set("resultType", to: Array("\"complete\"".utf8), in: result)
        for position in brokenTools {
            if let tool = result["tools"]?[position] { ToolParameterHeaders.strip(tool, with: &patch) }
        }
        if method == .toolsList, let tools = result["tools"] {
            for tool in tools.elements { LegacyTasks.strip(tool, with: &patch) }
        }
        if let meta = result["_meta"], meta.isObject { patch.remove(LegacyTasks.relationKey, from: meta) }
        if method.isCacheable {
            patch.set("ttlMs", to: [UInt8(ascii: "0")], in: result)
            patch.set("cacheScope", to: Array("\"private\"".utf8), in: result)
        }
        if let serverInfo {
            if let meta = result["_meta"], meta.isObject {
                patch.set(serverInfoKey, to: serverInfo, in: meta)
            } else {
                patch.set("_meta", to: Array("{\"\(serverInfoKey)\":".utf8) + serverInfo + [0x7D], in: result)
            }
        }
        return Answer(patch.applied())
    }

    static let urlElicitationRequired: Int64 = -32042

    /// What 2025-11-25 says by an error, `URLElicitationRequired`, as questions (B1); nil where it is none, or names none.
    /// The request is to be made anew once they are answered.
    package static func urlQuestions(_ message: JSONRPCMessage) -> [(key: String, question: JSONRPCMessage)]? {
        guard let error = message.node["error"], error["code"]?.integer == urlElicitationRequired,
            let elicitations = error["data"]?["elicitations"], elicitations.isArray, elicitations.count > 0
        else { return nil }
        var questions: [(key: String, question: JSONRPCMessage)] = []
        for (position, elicitation) in elicitations.elements.enumerated() where elicitation.isObject {
            let text =
                Array(#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":"#.utf8) + elicitation.bytes
                + [0x7D]
            guard let document = try? JSONDocument(parsing: text),
                let question = try? JSONRPCMessage(document.root)
            else { return nil }
            questions.append(("u\(position + 1)", question))
        }
        return questions.isEmpty ? nil : questions
    }

    private static func error(_ node: JSONNode, _ id: JSONRPCID) -> Answer {
        let number = node["error"]?["code"]
        let received = number?.integer ?? JSONRPCError.Code.internalError.value
        let code = portable(received)
        var patch = JSONPatch(node.document)
        if let own = node["id"] { patch.replace(own, with: id.text) }
        if code.value != received, let number {
            patch.replace(number, with: JSONValue.integer(code.value).serialized())
        }
        return Answer(patch.applied(), error: code)
    }

    /// A number of the legacy era in the terms of the modern one (c30): "resource not found" became "invalid params", and
    /// the numbers that servers chose for themselves mean nothing elsewhere.
    static func portable(_ code: Int64) -> JSONRPCError.Code {
        switch code {
        case -32002: .invalidParams
        case -32019 ... -32000, -32099 ... -32020: .internalError
        default: JSONRPCError.Code(code)
        }
    }

    /// The answer to `server/discover`, from what the server said to `initialize` (c24). `hasTasks` says whether the tasks of the
    /// modern era are served, whatever it says of them.
    package static func discovery(id: JSONRPCID, _ server: ServerIntroduction, hasTasks: Bool) -> [UInt8] {
        var result = Array(#"{"resultType":"complete","supportedVersions":["#.utf8)
        for (position, version) in ProtocolVersion.modern.enumerated() {
            if position > 0 { result.append(UInt8(ascii: ",")) }
            result += JSONText.quoted(version.rawValue)
        }
        result += "],\"capabilities\":".utf8
        let capabilities = server.modernCapabilities
        result += hasTasks ? Extensions.withTasks(capabilities) : Extensions.removingTasks(from: capabilities)
        if let instructions = server.instructions { result += Array(",\"instructions\":".utf8) + instructions }
        if let info = server.info { result += Array(",\"_meta\":{\"\(serverInfoKey)\":".utf8) + info + [0x7D] }
        result += #","ttlMs":0,"cacheScope":"private"}"#.utf8
        return JSONRPCText.response(to: id, result: result)
    }

    /// `input_required` (c27): the server's questions under keys of ours, and the state that the client brings back.
    package static func inputRequired(
        id: JSONRPCID, _ questions: [(key: String, question: JSONRPCMessage)], state: String
    ) -> [UInt8] {
        var result = Array(#"{"resultType":"input_required","inputRequests":{"#.utf8)
        for (position, (key, question)) in questions.enumerated() {
            if position > 0 { result.append(UInt8(ascii: ",")) }
            result += JSONText.quoted(key) + [UInt8(ascii: ":")]
            result += Array("{\"method\":".utf8) + (question.method?.bytes ?? [])
            if let params = question.params { result += Array(",\"params\":".utf8) + withoutOldReferences(params) }
            result.append(UInt8(ascii: "}"))
        }
        result += Array("},\"requestState\":".utf8) + JSONText.quoted(state) + [0x7D]
        return JSONRPCText.response(to: id, result: result)
    }

    /// A question without the wish for the context of other servers, where the client does not declare that (c38): before
    /// 2025-11-25 servers need not know whether it does.
    package static func withoutContext(
        _ question: JSONRPCMessage, for capabilities: ClientCapabilities
    ) -> JSONRPCMessage {
        guard !capabilities.contains(.samplingContext), question.isMethod("sampling/createMessage"),
            let params = alone(question)["params"], params.isObject, params.contains("includeContext")
        else { return question }
        var patch = JSONPatch(params.document)
        patch.remove("includeContext", from: params)
        guard let document = try? JSONDocument(parsing: patch.applied()) else { return question }
        return (try? JSONRPCMessage(document.root)) ?? question
    }

    // The legacy era pairs a later notification with the one (B1, "elicitation URL"), and tasks that nobody here was told of
    // with the other.
    private static func withoutOldReferences(_ params: JSONNode) -> [UInt8] {
        guard params["elicitationId"] != nil || params["_meta"]?[LegacyTasks.relationKey] != nil,
            let alone = try? JSONDocument(parsing: Array(params.bytes))
        else { return Array(params.bytes) }
        var patch = JSONPatch(alone)
        patch.remove("elicitationId", from: alone.root)
        if let meta = alone.root["_meta"], meta.isObject { patch.remove(LegacyTasks.relationKey, from: meta) }
        return patch.applied()
    }

    // MARK: Subscriptions

    /// The first frame of a listen. `tasks` is JSON text of a list; nil where none can be heard of.
    package static func acknowledged(
        _ filter: ListenFilter, listen id: JSONRPCID, tasks: [UInt8]? = nil
    ) -> [UInt8] {
        var text = Array(
            #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"#.utf8)
        text += tag(id) + Array("},\"notifications\":".utf8)
        filter.json.append(to: &text)
        if let tasks {
            // A member more: before the end of the object, which is the last byte.
            text.removeLast()
            text += Array((filter == ListenFilter() ? "" : ",").utf8) + Array("\"taskIds\":".utf8) + tasks
            text.append(UInt8(ascii: "}"))
        }
        return text + Array("}}".utf8)
    }

    /// A notification, tagged with the listen that asked for it; its id stays the text that the client wrote, and what else the
    /// server says stays as well.
    package static func tagged(_ notification: JSONRPCMessage, listen id: JSONRPCID) -> [UInt8] {
        let node = alone(notification)
        var patch = JSONPatch(node.document)
        let meta = [UInt8(ascii: "{")] + tag(id) + [0x7D]
        if let params = node["params"], params.isObject {
            if let own = params["_meta"], own.isObject {
                patch.set(subscriptionKey, to: id.text, in: own)
            } else {
                patch.set("_meta", to: meta, in: params)
            }
        } else {
            patch.set("params", to: Array("{\"_meta\":".utf8) + meta + [0x7D], in: node)
        }
        return patch.applied()
    }

    /// The answer that ends a listen from our side.
    package static func listenEnded(_ id: JSONRPCID) -> [UInt8] {
        JSONRPCText.response(
            to: id, result: Array("{\"resultType\":\"complete\",\"_meta\":{".utf8) + tag(id) + [0x7D, 0x7D])
    }

    private static func tag(_ id: JSONRPCID) -> [UInt8] {
        Array("\"\(subscriptionKey)\":".utf8) + id.text
    }
}

extension MCPMethod {
    /// Whether its complete results say how long they may be kept, and by whom (c25).
    var isCacheable: Bool {
        switch self {
        case .serverDiscover, .toolsList, .promptsList, .resourcesList, .resourcesTemplatesList, .resourcesRead: true
        default: false
        }
    }
}
