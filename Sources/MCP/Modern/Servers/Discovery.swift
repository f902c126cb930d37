package import JSON

/// What a modern server says of itself in answer to `server/discover` (c24).
package struct Discovery: Sendable {
    private let document: JSONDocument
    /// The revisions that it serves.
    package let versions: [String]
    /// What it offers, read as a handshake would have said it.
    package let introduction: ServerIntroduction

    /// The result of `server/discover`; nil where it is none.
    package init?(_ result: JSONNode) {
        guard let document = try? JSONDocument(parsing: Array(result.bytes)),
            let supported = document.root["supportedVersions"], supported.isArray,
            document.root["capabilities"]?.isObject == true, let introduction = ServerIntroduction(document.root)
        else { return nil }
        self.document = document
        self.introduction = introduction
        versions = supported.elements.compactMap(\.string)
    }

    /// The versions that an error says the server serves instead (c15); nil where it is another error.
    package static func supportedVersions(in error: JSONNode) -> [String]? {
        guard error["code"]?.integer == JSONRPCError.Code.unsupportedProtocolVersion.value,
            let supported = error["data"]?["supported"], supported.isArray
        else { return nil }
        return supported.elements.compactMap(\.string)
    }

    /// The result of `initialize` for a legacy client (B1): its revision, the capabilities without what is not translated, the
    /// identity, which has its place in `_meta` here. `name` stands for a server that does not say its own.
    package func handshake(for client: LegacyClient, name: String) -> [UInt8] {
        var text = Array("{\"protocolVersion\":".utf8) + JSONText.quoted(client.version.rawValue)
        text += Array(",\"capabilities\":".utf8) + capabilities
        let info = document.root["_meta"]?["io.modelcontextprotocol/serverInfo"]
        text += ",\"serverInfo\":".utf8
        if let info, info.isObject {
            text += JSONText.compacted(info)
        } else {
            let made: JSONValue = ["name": .string(name), "version": "0"]
            made.append(to: &text)
        }
        if let instructions = introduction.instructions {
            text += Array(",\"instructions\":".utf8) + instructions
        }
        return text + [UInt8(ascii: "}")]
    }

    private var capabilities: [UInt8] { Extensions.removingTasks(from: introduction.modernCapabilities) }
}
