import JSON

/// The icons by which servers show themselves and what they have (2025-11-25 and later), in answers to clients.
package enum IconMessage {
    /// What becomes of an icon.
    package enum Placement: Sendable, Hashable {
        case kept
        /// It is at another address, JSON text.
        case moved([UInt8])
        case removed
    }

    private static let serverInfoKey: StaticString = "io.modelcontextprotocol/serverInfo"

    /// An answer to `method` with its icons where `place` puts them, who is asked with the address that the server gave.
    package static func placing(
        _ response: JSONRPCMessage, _ method: MCPMethod, _ place: (_ address: [UInt8]) -> Placement
    ) -> JSONRPCMessage {
        guard AggregateList(method) != nil || method == .initialize || method == .serverDiscover,
            Splice.contains(Array(response.node.bytes), Array("\"icons\"".utf8)),
            // Edits name places in a whole text.
            let alone = try? JSONDocument(parsing: Array(response.node.bytes)), let result = alone.root["result"]
        else { return response }
        var patch = JSONPatch(alone)
        var isChanged = false
        func edit(_ owner: JSONNode?) {
            guard let owner, owner.isObject, let icons = owner["icons"], icons.isArray else { return }
            guard let text = text(of: icons, place) else { return }
            isChanged = true
            if text.count > 2 {
                patch.replace(icons, with: text)
            } else {
                patch.remove("icons", from: owner)
            }
        }
        if let list = AggregateList(method), let entries = result[list.key] {
            for entry in entries.elements { edit(entry) }
        }
        edit(result["serverInfo"])
        edit(result["_meta"]?[serverInfoKey])
        guard isChanged, let document = try? JSONDocument(parsing: patch.applied()) else { return response }
        return (try? JSONRPCMessage(document.root)) ?? response
    }

    /// JSON text of the icons that are left, where they are; nil where nothing changes.
    private static func text(of icons: JSONNode, _ place: (_ address: [UInt8]) -> Placement) -> [UInt8]? {
        var text: [UInt8] = [UInt8(ascii: "[")]
        var isChanged = false
        for icon in icons.elements {
            let source = icon["src"]
            let placement = source?.stringBytes.map(place) ?? .removed
            isChanged = isChanged || placement != .kept
            if placement == .removed { continue }
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            if case .moved(let address) = placement {
                text += Splice.replacing(source, with: address, in: icon)
            } else {
                text += icon.bytes
            }
        }
        text.append(UInt8(ascii: "]"))
        return isChanged ? text : nil
    }
}
