import JSON

/// What a message of a legacy client becomes on its way to a modern server (mcp.md B1, "L→M"): lines, newline included.
package enum ModernBoundMessage {
    /// What only a retry carries (c27).
    package struct Retry: Sendable {
        /// JSON text of the object `inputResponses`: this round's only; nil where nothing was asked.
        package let responses: [UInt8]?
        /// JSON text of `requestState`, byte for byte as the server wrote it; nil where it wrote none.
        package let state: [UInt8]?

        package init(responses: [UInt8]?, state: [UInt8]?) {
            self.responses = responses
            self.state = state
        }
    }

    /// A request under `number`, with the envelope. What only the modern era may say is ours to say: a client's own copies are
    /// taken out.
    package static func request(
        _ message: JSONRPCMessage, number: Int, client: LegacyClient, logLevel: LoggingLevel?, retry: Retry? = nil
    ) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if let id = message.id { patch.replace(id, with: DecimalText.bytes(number)) }
        guard let params = message.params, params.isObject else {
            patch.set("params", to: Array("{\"_meta\":".utf8) + meta(client, logLevel) + [0x7D], in: message.node)
            return line(patch)
        }
        for key in ["inputResponses", "requestState"] as [StaticString] { patch.remove(key, from: params) }
        // The tasks of 2025-11-25; the server knows others.
        if message.isMethod("tools/call") { patch.remove("task", from: params) }
        if let responses = retry?.responses { patch.set("inputResponses", to: responses, in: params) }
        if let state = retry?.state { patch.set("requestState", to: state, in: params) }
        if let own = params["_meta"], own.isObject {
            for key in ModernEnvelope.keys { patch.remove(key, from: own) }
            for (key, text) in client.envelope { patch.set(key, to: text, in: own) }
            if let logLevel { patch.set(ModernEnvelope.keys[3], to: JSONText.quoted(logLevel.rawValue), in: own) }
        } else {
            patch.set("_meta", to: meta(client, logLevel), in: params)
        }
        return line(patch)
    }

    /// `server/discover` (c24).
    package static func discover(number: Int, client: LegacyClient) -> [UInt8] {
        own("server/discover", number, client, [])
    }

    /// `subscriptions/listen` (c26).
    package static func listen(_ filter: ListenFilter, number: Int, client: LegacyClient) -> [UInt8] {
        own("subscriptions/listen", number, client, Array(",\"notifications\":".utf8) + filter.json.serialized())
    }

    /// `tasks/get`, or `tasks/update` with `responses`, JSON text of the object `inputResponses`; `task` is JSON text too.
    package static func task(
        _ task: [UInt8], number: Int, client: LegacyClient, responses: [UInt8]?
    ) -> [UInt8] {
        let id = Array(",\"taskId\":".utf8) + task
        guard let responses else { return own("tasks/get", number, client, id) }
        return own("tasks/update", number, client, id + Array(",\"inputResponses\":".utf8) + responses)
    }

    /// `tasks/cancel`.
    package static func cancel(task: [UInt8], number: Int, client: LegacyClient) -> [UInt8] {
        own("tasks/cancel", number, client, Array(",\"taskId\":".utf8) + task)
    }

    private static func own(
        _ method: StaticString, _ number: Int, _ client: LegacyClient, _ members: [UInt8]
    ) -> [UInt8] {
        var text = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8) + DecimalText.bytes(number)
        text += Array(",\"method\":\"\(method)\",\"params\":{\"_meta\":".utf8) + meta(client, nil)
        text += members
        return text + Array("}}\n".utf8)
    }

    private static func meta(_ client: LegacyClient, _ logLevel: LoggingLevel?) -> [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "{")]
        func append(_ key: StaticString, _ value: [UInt8]) {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += JSONText.quoted(key.description) + [UInt8(ascii: ":")] + value
        }
        for (key, value) in client.envelope { append(key, value) }
        if let logLevel { append(ModernEnvelope.keys[3], JSONText.quoted(logLevel.rawValue)) }
        return text + [UInt8(ascii: "}")]
    }

    private static func line(_ patch: JSONPatch) -> [UInt8] {
        let text = patch.applied()
        return (Splice.spansLines(text) ? JSONText.compacted(text[...]) : text) + [0x0A]
    }
}
