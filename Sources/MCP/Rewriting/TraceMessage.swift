import JSON

/// Puts a request into a trace (`_meta.traceparent` and `_meta.tracestate`, W3C Trace Context).
package enum TraceMessage {
    /// `message` with `traceparent` and `state` in the places of those that it may have; without a state it has none.
    /// What cannot carry them comes back as it is.
    package static func carrying(
        _ traceparent: String, state: String?, _ message: JSONRPCMessage
    ) -> JSONRPCMessage {
        let value = JSONText.quoted(traceparent)
        let stateValue = state.map { JSONText.quoted($0) }
        let second = stateValue.map { Array(",\"tracestate\":".utf8) + $0 } ?? []
        let alone = Array("{\"traceparent\":".utf8) + value + second + [UInt8(ascii: "}")]
        // One of a batch is a document of its own by now.
        var patch = JSONPatch(message.node.document)
        if let params = message.params {
            guard params.isObject else { return message }
            if let meta = params["_meta"] {
                guard meta.isObject else { return message }
                patch.set("traceparent", to: value, in: meta)
                if let stateValue {
                    patch.set("tracestate", to: stateValue, in: meta)
                } else {
                    patch.remove("tracestate", from: meta)
                }
            } else {
                patch.set("_meta", to: alone, in: params)
            }
        } else {
            patch.set("params", to: Array("{\"_meta\":".utf8) + alone + [UInt8(ascii: "}")], in: message.node)
        }
        guard let document = try? JSONDocument(parsing: patch.applied()),
            let carrying = try? JSONRPCMessage(document.root)
        else { return message }
        return carrying
    }
}
