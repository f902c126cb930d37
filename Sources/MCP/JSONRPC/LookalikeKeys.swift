import JSON

/// Keys that are not what we read, but what another reader may take for it: some JSON libraries ignore the case of keys, fold
/// a few letters beyond ASCII, and take the last of several. What we decide by one `name` must not run under another (R05, R07).
enum LookalikeKeys {
    private static let ofMessage = ["jsonrpc", "id", "method", "params", "result", "error"].map { Array($0.utf8) }
    private static let ofParameters = ["name", "uri", "ref", "arguments", "_meta"].map { Array($0.utf8) }

    /// The first such key of a client's message, as text to show.
    static func first(in message: JSONRPCMessage) -> String? {
        if let found = first(in: message.node, like: ofMessage) { return found }
        guard let params = message.params, params.isObject else { return nil }
        if let found = first(in: params, like: ofParameters) { return found }
        guard let meta = params["_meta"], !meta.hasOnlyPlainKeys else { return nil }
        for (key, _) in meta.members {
            guard let text = key.stringBytes, let folded = folded(text) else { continue }
            let prefix = ServerBoundMessage.reservedPrefix
            if folded.starts(with: prefix), !text.starts(with: prefix) { return String(decoding: text, as: UTF8.self) }
        }
        return nil
    }

    private static func first(in object: JSONNode, like known: [[UInt8]]) -> String? {
        // Nothing could be folded, as in nearly all messages.
        if object.hasOnlyPlainKeys { return nil }
        for (key, _) in object.members {
            guard let text = key.stringBytes, let folded = folded(text) else { continue }
            if known.contains(folded), folded != text { return String(decoding: text, as: UTF8.self) }
        }
        return nil
    }

    /// ASCII in lower case, the long s and the Kelvin sign as their letters; nil where something else is beyond ASCII.
    private static func folded(_ text: [UInt8]) -> [UInt8]? {
        var folded: [UInt8] = []
        var rest = text[...]
        while let byte = rest.first {
            if byte < 0x80 {
                let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
                folded.append(isUpper ? byte | 0x20 : byte)
                rest.removeFirst()
            } else if rest.starts(with: [0xC5, 0xBF]) {
                folded.append(UInt8(ascii: "s"))
                rest.removeFirst(2)
            } else if rest.starts(with: [0xE2, 0x84, 0xAA]) {
                folded.append(UInt8(ascii: "k"))
                rest.removeFirst(3)
            } else {
                return nil
            }
        }
        return folded
    }
}
