import JSON

/// What a message of a modern server becomes for a modern client (mcp.md B2, "nearly transparent"): what belongs to one hop is
/// made anew, everything else stays as it came.
package enum RelayedMessage {
    /// Whether a message of a session has the envelope of its client: none of the legacy era does, because what claims a revision
    /// is a message of the modern one.
    package static func hasEnvelope(_ message: JSONRPCMessage) -> Bool {
        message.params?["_meta"]?[Era.claimKey]?.kind == .string
    }

    /// A request that is a whole line, under our number. Its progress token stays.
    package static func request(_ message: JSONRPCMessage, number: Int) -> [UInt8] {
        Splice.replacing(message.id, with: DecimalText.bytes(number), in: message.node) + [0x0A]
    }

    private static let subscriptionKey: StaticString = "io.modelcontextprotocol/subscriptionId"

    /// A response under the client's id. `state` is JSON text in the place of the server's `requestState`, `task` in that of its
    /// `taskId`; `brokenTools` are positions of tools whose annotations a client would have to refuse; `isPrivate` takes the server's leave to share a list
    /// that is not as it wrote it.
    package static func response(
        _ message: JSONRPCMessage, id: JSONRPCID, method: MCPMethod, state: [UInt8]?, task: [UInt8]? = nil,
        brokenTools: [Int] = [], isPrivate: Bool = false
    ) -> ModernMessage.Answer {
        guard let result = message.node["result"] else { return error(message, id) }
        guard result.isObject, let own = message.id else {
            return .init(JSONRPCError(.internalError, "The server gave a result that is no object"), to: id)
        }
        var patch = JSONPatch(message.node.document)
        patch.replace(own, with: id.text)
        if result["resultType"] == nil { patch.set("resultType", to: Array("\"complete\"".utf8), in: result) }
        if let state { patch.set("requestState", to: state, in: result) }
        if let task, result["taskId"] != nil { patch.set("taskId", to: task, in: result) }
        for position in brokenTools {
            if let tool = result["tools"]?[position] { ToolParameterHeaders.strip(tool, with: &patch) }
        }
        setHints(of: result, method, isPrivate: isPrivate, with: &patch)
        switch method {
        case .serverDiscover:
            // What the server speaks is its affair; what we serve counts.
            let versions = JSONValue.array(ProtocolVersion.modern.map { .string($0.rawValue) })
            patch.set("supportedVersions", to: versions.serialized(), in: result)
        case .subscriptionsListen:
            if let number = result["_meta"]?[subscriptionKey] { patch.replace(number, with: id.text) }
        default: break
        }
        return .init(patch.applied())
    }

    // What a server does not say of how long something may be kept, and by whom, is said for it in the careful way: every client
    // may count on that (c25).
    private static func setHints(
        of result: JSONNode, _ method: MCPMethod, isPrivate: Bool, with patch: inout JSONPatch
    ) {
        guard result["resultType"]?.equals("input_required") != true else {
            // Questions are kept by nobody (c25).
            patch.remove("ttlMs", from: result)
            return patch.remove("cacheScope", from: result)
        }
        let isComplete = result["resultType"]?.equals("complete") ?? true
        let hasHints = isComplete && method.isCacheable
        if hasHints, (result["ttlMs"]?.integer ?? -1) < 0 { patch.set("ttlMs", to: [UInt8(ascii: "0")], in: result) }
        let scope = result["cacheScope"]
        let isShared = scope?.equals("public") == true && !isPrivate
        let isKnown = isShared || scope?.equals("private") == true
        if !isKnown, hasHints || scope != nil {
            patch.set("cacheScope", to: Array("\"private\"".utf8), in: result)
        }
    }

    private static func error(_ message: JSONRPCMessage, _ id: JSONRPCID) -> ModernMessage.Answer {
        guard message.node["error"]?["code"]?.integer == JSONRPCError.Code.missingClientCapability.value,
            let own = message.id
        else { return ModernMessage.response(message, id: id, method: .other, serverInfo: nil) }
        // It is the client's own envelope that the server speaks of.
        var patch = JSONPatch(message.node.document)
        patch.replace(own, with: id.text)
        return .init(patch.applied(), error: .missingClientCapability)
    }

    /// A notification of a listen, tagged as the client knows the listen.
    package static func notification(_ message: JSONRPCMessage, listen id: JSONRPCID) -> [UInt8] {
        guard let number = message.params?["_meta"]?[subscriptionKey] else { return Array(message.node.bytes) }
        var patch = JSONPatch(message.node.document)
        patch.replace(number, with: id.text)
        return patch.applied()
    }
}
