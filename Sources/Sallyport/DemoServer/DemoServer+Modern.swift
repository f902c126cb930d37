import JSON

// The revision of 2026-07-28: no handshake, every request for itself.
extension DemoServer {
    /// The revision that is spoken then.
    static let modernVersion = "2026-07-28"
    private static let prefix = "io.modelcontextprotocol/"
    /// The key of the one question that a tool has.
    private static let question = "answer"

    /// What one request says about itself, beside its parameters.
    struct ModernRequest {
        var answer: JSONNode?
        /// What its `requestState` holds.
        var state: String?
        /// Whether its result says how long it may be kept.
        var isCacheable = false
    }

    /// Takes a request: the envelope first, then what every era has.
    func receiveModern(_ method: JSONNode, _ params: JSONNode?, id: [UInt8]) {
        let meta = params?["_meta"]
        guard let version = meta?["\(Self.prefix)protocolVersion"]?.string,
            let capabilities = meta?["\(Self.prefix)clientCapabilities"], capabilities.isObject
        else { return send(error: -32602, "The envelope in _meta is missing", id: id) }
        guard version == Self.modernVersion else {
            let data: JSONValue = [
                "supported": [.string(Self.modernVersion)], "requested": .string(String(version.prefix(64))),
            ]
            return send(error: -32022, "Unsupported protocol version", id: id, data: data)
        }
        session = DemoSession()
        session.protocolVersion = version
        session.canElicit = capabilities["elicitation"] != nil
        session.canSample = capabilities["sampling"] != nil
        session.hasRoots = capabilities["roots"] != nil
        let level = meta?["\(Self.prefix)logLevel"]?.string
        session.minimumLevel = level.flatMap { DemoSession.levels.firstIndex(of: $0) } ?? DemoSession.levels.count
        var request = ModernRequest()
        request.answer = params?["inputResponses"]?[Self.question]
        request.state = params?["requestState"]?.string
        modern = request
        respondModern(to: method, params, id: id)
        modern?.isCacheable = false
    }

    private func respondModern(to method: JSONNode, _ params: JSONNode?, id: [UInt8]) {
        switch method.string ?? "" {
        case "server/discover":
            modern?.isCacheable = true
            let result: JSONValue = [
                "supportedVersions": [.string(Self.modernVersion)], "capabilities": Self.capabilities,
                "instructions": .string(Self.instructions),
            ]
            send(result: result.serialized(), id: id)
        case "tools/call": callTool(params, id: id)
        case "tools/list", "resources/list", "resources/templates/list", "resources/read", "prompts/list":
            modern?.isCacheable = true
            respond(to: method, params, id: id)
        case "prompts/get", "completion/complete": respond(to: method, params, id: id)
        case "subscriptions/listen":
            // Nothing here ever changes: nothing is honoured, and the listen lasts until its client ends it.
            let number = (try? JSONDocument(parsing: id)).map { JSONValue($0.root) } ?? .null
            notify(
                "notifications/subscriptions/acknowledged",
                [
                    "_meta": .object([.init("\(Self.prefix)subscriptionId", number)]), "notifications": [:],
                ])
        default: send(error: -32601, "Method not found", id: id)
        }
    }

    /// What every result says in this era, to go before its own members.
    func modernMembers(isComplete: Bool = true) -> [UInt8] {
        var text = Array(
            "\"resultType\":\"\(isComplete ? "complete" : "input_required")\",\"_meta\":{\"\(Self.prefix)serverInfo\":"
                .utf8)
        text += Self.information.serialized() + [UInt8(ascii: "}")]
        if isComplete, modern?.isCacheable == true { text += ",\"ttlMs\":60000,\"cacheScope\":\"public\"".utf8 }
        return text
    }

    /// Asks by the result of `id`, or hands over what the client answered when it comes back. The state says nothing that a
    /// client could gain by changing.
    func askModern(_ method: String, _ params: JSONValue, for id: [UInt8], answer: (JSONNode) -> Void) {
        if let given = modern?.answer {
            let text = Array("{\"result\":".utf8) + given.bytes + [UInt8(ascii: "}")]
            guard modern?.state == method, given.isObject, let document = try? JSONDocument(parsing: text) else {
                return send(error: -32602, "This does not answer what was asked", id: id)
            }
            return answer(document.root)
        }
        let requests: JSONValue = .object([
            .init(Self.question, ["method": .string(method), "params": params])
        ])
        var text = Array("{".utf8) + modernMembers(isComplete: false)
        text += Array(",\"inputRequests\":".utf8) + requests.serialized()
        text += Array(",\"requestState\":".utf8) + JSONText.quoted(method) + [UInt8(ascii: "}")]
        respond(with: text, id: id)
    }

    /// What a tool needs and the client did not declare.
    func refuseModern(_ capability: String, id: [UInt8]) {
        let data: JSONValue = ["requiredCapabilities": .object([.init(capability, [:])])]
        send(error: -32021, "The client did not declare \(capability)", id: id, data: data)
    }
}
