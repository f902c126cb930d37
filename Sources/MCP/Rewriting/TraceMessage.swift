import JSON

/// Puts a request into a trace (`_meta.traceparent`, W3C Trace Context).
package enum TraceMessage {
    /// `message` with `traceparent` in the place of the one that it may have, and without a `tracestate` that belongs to another.
    /// What cannot carry one comes back as it is.
    package static func carrying(
        _ traceparent: String, _ message: JSONRPCMessage, keepsState: Bool = true
    ) -> JSONRPCMessage {
        let value = JSONText.quoted(traceparent)
        let alone = Array("{\"traceparent\":".utf8) + value + [UInt8(ascii: "}")]
        // One of a batch is a document of its own by now.
        var patch = JSONPatch(message.node.document)
        if let params = message.params {
            guard params.isObject else { return message }
            if let meta = params["_meta"] {
                guard meta.isObject else { return message }
                patch.set("traceparent", to: value, in: meta)
                if !keepsState { patch.remove("tracestate", from: meta) }
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
