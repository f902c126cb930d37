package import JSON

/// What a message becomes on its way to a server: our id and progress token, the caller's identity, one line.
/// Everything else in it stays byte for byte.
package enum ServerBoundMessage {
    /// Members of `_meta` with this prefix are ours alone; copies of a client are removed (R07).
    package static let reservedPrefix = Array("dev.sallyport/".utf8)
    /// The member of `_meta` that tells a server for whom it works.
    package static let identityKey: StaticString = "dev.sallyport/identity"

    /// A request as a line. `identity` is JSON text, for `tools/call` only; `offeredVersion` takes the place of the
    /// client's in `initialize`; `isModern` takes out what only the modern era knows, and what a client of it cannot mean (mcp.md
    /// B1), the envelope only where it is not kept; `asTask` makes a task of a call, as 2025-11-25 has them; `state` is the JSON text that takes the place of the client's
    /// `requestState`.
    package static func request(
        _ message: JSONRPCMessage, number: Int, identity: [UInt8]?, offeredVersion: String? = nil,
        isModern: Bool = false, keepsEnvelope: Bool = false, asTask: Bool = false, state: [UInt8]? = nil
    ) -> [UInt8] {
        if offeredVersion == nil, let line = usualRequest(message, number, identity) { return line }
        var patch = JSONPatch(message.node.document)
        if let offeredVersion, let version = message.params?["protocolVersion"] {
            patch.replace(version, with: JSONText.quoted(offeredVersion))
        }
        if isModern, let params = message.params, params.isObject {
            if message.isMethod("tools/call") {
                patch.remove("task", from: params)
                if asTask { patch.set("task", to: Array("{}".utf8), in: params) }
            }
            if !keepsEnvelope { removeEnvelope(of: message, with: &patch) }
        }
        if let state, let own = message.params?["requestState"] { patch.replace(own, with: state) }
        let digits = DecimalText.bytes(number)
        if let id = message.id { patch.replace(id, with: digits) }
        edit(
            &patch, message.params, progress: digits, identity: identity,
            isModern: isModern && !keepsEnvelope)
        return line(patch.applied())
    }

    /// Takes out of a request of the modern era what the legacy one does not know.
    static func removeEnvelope(of message: JSONRPCMessage, with patch: inout JSONPatch) {
        guard let params = message.params, params.isObject else { return }
        patch.remove("inputResponses", from: params)
        patch.remove("requestState", from: params)
        guard let meta = params["_meta"], meta.isObject else { return }
        for key in ModernEnvelope.keys { patch.remove(key, from: meta) }
    }

    /// A request on one line without `_meta`, which nearly all are: written in one go, without a list of edits. Nil for others.
    private static func usualRequest(_ message: JSONRPCMessage, _ number: Int, _ identity: [UInt8]?) -> [UInt8]? {
        let text = message.node.document.bytes
        guard let id = message.id?.range, let params = message.params, params.isObject, !params.contains("_meta"),
            !Splice.spansLines(text)
        else { return nil }
        let end = params.range.upperBound - 1
        var line: [UInt8] = []
        line.reserveCapacity(text.count + 64 + (identity?.count ?? 0))
        func appendMeta() {
            guard let identity else { return }
            if params.count > 0 { line.append(UInt8(ascii: ",")) }
            JSONText.append("\"_meta\":{\"", to: &line)
            JSONText.append(identityKey, to: &line)
            JSONText.append("\":", to: &line)
            line += identity
            line.append(UInt8(ascii: "}"))
        }
        if id.lowerBound < end {
            line += text[..<id.lowerBound]
            DecimalText.append(number, to: &line)
            line += text[id.upperBound..<end]
            appendMeta()
            line += text[end...]
        } else {
            line += text[..<end]
            appendMeta()
            line += text[end..<id.lowerBound]
            DecimalText.append(number, to: &line)
            line += text[id.upperBound...]
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// A notification as a line; only copies of our own `_meta` members are taken out.
    package static func notification(_ message: JSONRPCMessage) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        edit(&patch, message.params, progress: nil, identity: nil)
        return line(patch.applied())
    }

    /// A line without what only we may write into `_meta`, for servers that are told who asks in another way.
    package static func withoutIdentity(_ line: [UInt8]) -> [UInt8] {
        let text = line.last == 0x0A ? Array(line.dropLast()) : line
        guard Splice.contains(text, reservedPrefix), let document = try? JSONDocument(parsing: text),
            let message = try? JSONRPCMessage(document.root)
        else { return line }
        var patch = JSONPatch(document)
        edit(&patch, message.params, progress: nil, identity: nil)
        return self.line(patch.applied())
    }

    /// A client's answer to a question, with the server's own id.
    package static func response(_ message: JSONRPCMessage, id: JSONRPCID) -> [UInt8] {
        line(Splice.replacing(message.id, with: id.text, in: message.node))
    }

    /// `notifications/cancelled` of a client, for the request that the server knows as `number`.
    package static func cancellation(_ message: JSONRPCMessage, number: Int) -> [UInt8] {
        var patch = JSONPatch(message.node.document)
        if let id = message.params?["requestId"] { patch.replace(id, with: DecimalText.bytes(number)) }
        return line(patch.applied())
    }

    private static func edit(
        _ patch: inout JSONPatch, _ params: JSONNode?, progress: [UInt8]?, identity: [UInt8]?, isModern: Bool = false
    ) {
        guard let params, params.isObject else { return }
        guard let meta = params["_meta"], meta.isObject else {
            if let identity {
                patch.set("_meta", to: Array("{\"\(identityKey)\":".utf8) + identity + [0x7D], in: params)
            }
            return
        }
        if meta.members.contains(where: { isReserved($0.key) }) {
            patch.replace(meta, with: rebuilt(meta, progress: progress, identity: identity, isModern: isModern))
            return
        }
        if let progress, let token = meta["progressToken"] { patch.replace(token, with: progress) }
        if let identity { patch.set(identityKey, to: identity, in: meta) }
    }

    private static func isReserved(_ key: JSONNode) -> Bool {
        guard key.range.count > reservedPrefix.count else { return false }
        return key.stringBytes?.starts(with: reservedPrefix) == true
    }

    private static func isOfEnvelope(_ key: JSONNode) -> Bool { ModernEnvelope.keys.contains { key.equals($0) } }

    /// `_meta` without the members that only we may write.
    private static func rebuilt(
        _ meta: JSONNode, progress: [UInt8]?, identity: [UInt8]?, isModern: Bool
    ) -> [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "{")]
        func append(_ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += key
            text.append(UInt8(ascii: ":"))
            text += value
        }
        for (key, value) in meta.members where !isReserved(key) && !(isModern && isOfEnvelope(key)) {
            if let progress, key.equals("progressToken") {
                append(key.bytes, progress)
            } else {
                append(key.bytes, value.bytes)
            }
        }
        if let identity { append("\"\(identityKey)\"".utf8, identity) }
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// One line (d1): a message that spans lines is written anew without the white space between its tokens.
    private static func line(_ patched: [UInt8]) -> [UInt8] {
        var text = Splice.spansLines(patched) ? JSONText.compacted(patched[...]) : patched
        text.append(UInt8(ascii: "\n"))
        return text
    }
}

/// The smallest edit: one value replaced.
package enum Splice {
    /// The text of `whole` with `part`, a value in it, replaced.
    package static func replacing(_ part: JSONNode?, with text: [UInt8], in whole: JSONNode) -> [UInt8] {
        let bytes = whole.document.bytes
        guard let range = part?.range else { return Array(whole.bytes) }
        var result: [UInt8] = []
        result.reserveCapacity(whole.range.count - range.count + text.count + 1)
        result += bytes[whole.range.lowerBound..<range.lowerBound]
        result += text
        result += bytes[range.upperBound..<whole.range.upperBound]
        return result
    }

    static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard let first = part.first else { return true }
        var start = text.startIndex
        while let found = text[start...].firstIndex(of: first) {
            if text[found...].starts(with: part) { return true }
            start = found + 1
        }
        return false
    }

    static func spansLines(_ text: [UInt8]) -> Bool {
        var found = false
        for byte in text where byte == 0x0A || byte == 0x0D { found = true }
        return found
    }
}
