package import JSON

/// The lists that an aggregate puts together of those of its servers.
package enum AggregateList: Int, Sendable, Hashable, CaseIterable {
    case tools, prompts, resources, templates

    /// How it is asked for.
    package var method: MCPMethod {
        switch self {
        case .tools: .toolsList
        case .prompts: .promptsList
        case .resources: .resourcesList
        case .templates: .resourcesTemplatesList
        }
    }

    /// The list that a method asks for.
    package init?(_ method: MCPMethod) {
        guard let list = Self.allCases.first(where: { $0.method == method }) else { return nil }
        self = list
    }

    /// The member of the result that holds it.
    package var key: StaticString {
        switch self {
        case .tools: "tools"
        case .prompts: "prompts"
        case .resources: "resources"
        case .templates: "resourceTemplates"
        }
    }

    /// The member of an entry by which clients use it.
    var identifier: StaticString {
        switch self {
        case .tools, .prompts: "name"
        case .resources: "uri"
        case .templates: "uriTemplate"
        }
    }

    /// What a server has that has it.
    package var capability: AggregateCapabilities {
        switch self {
        case .tools: .tools
        case .prompts: .prompts
        case .resources, .templates: .resources
        }
    }

    /// What a server says that tells when it changes.
    package var announcement: AggregateCapabilities {
        switch self {
        case .tools: .toolsListChanged
        case .prompts: .promptsListChanged
        case .resources, .templates: .resourcesListChanged
        }
    }

    /// The notification that it has changed.
    package var notification: StaticString {
        switch self {
        case .tools: "notifications/tools/list_changed"
        case .prompts: "notifications/prompts/list_changed"
        case .resources, .templates: "notifications/resources/list_changed"
        }
    }

    /// What a notification says to have changed.
    package static func changed(by notification: JSONRPCMessage) -> [AggregateList] {
        allCases.filter { notification.isMethod($0.notification) }
    }
}

/// One entry of a list, as clients get it.
package struct AggregateEntry: Sendable {
    /// The name or URI that the server knows.
    package let own: [UInt8]
    /// The name or URI that clients know.
    package let exposed: [UInt8]
    /// JSON text.
    package let text: [UInt8]
    /// A `ui://` that it names, unchanged.
    package let view: [UInt8]?
    /// JSON text without that; nil where the entry is nothing else.
    package let textWithoutView: [UInt8]?

    /// At most how many values a text has: who reads a message takes so many of them and no more.
    package static func weight(of text: [UInt8]) -> Int {
        // Every value but the first, and every key, stands behind one of these.
        text.reduce(1) { count, byte in
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "{"): count + 1
            default: count
            }
        }
    }
}

/// One page of a server's list.
package struct AggregatePage: Sendable {
    package var entries: [AggregateEntry] = []
    /// Where the next page begins; the empty text is a cursor like others (mcp.md C5).
    package let next: [UInt8]?

    /// Reads a result. `filter` gives the name by which a tool is to be known, nil for those that are not; nil where the
    /// result is no such list.
    package init?(
        _ result: JSONNode?, of list: AggregateList, server: Int, names: ExposedNames, uris: ExposedURIs,
        filter: (_ own: [UInt8]) -> [UInt8]?
    ) {
        guard let result, let array = result[list.key], array.isArray else { return nil }
        next = result["nextCursor"]?.stringBytes
        for element in array.elements {
            guard let document = try? JSONDocument(parsing: Array(element.bytes)),
                let own = document.root[list.identifier]?.stringBytes
            else { continue }
            let exposed: [UInt8]
            switch list {
            case .tools:
                guard let name = filter(own) else { continue }
                exposed = names.name(name, of: server)
            case .prompts: exposed = names.name(own, of: server)
            case .resources, .templates: exposed = uris.exposed(own, of: server)
            }
            entries.append(Self.entry(document, list, own, exposed, uris, server))
        }
    }

    private static func entry(
        _ document: JSONDocument, _ list: AggregateList, _ own: [UInt8], _ exposed: [UInt8], _ uris: ExposedURIs,
        _ server: Int
    ) -> AggregateEntry {
        let root = document.root
        var patch = JSONPatch(document)
        if let place = root[list.identifier] {
            patch.replace(place, with: JSONText.quoted(String(decoding: exposed, as: UTF8.self)))
        }
        var view = ExposedURIs.isView(own) && list == .resources ? own : nil
        for place in Self.views(of: root) {
            guard let uri = place.stringBytes else { continue }
            if ExposedURIs.isView(uri) {
                view = uri
            } else {
                let exposed = uris.exposed(uri, of: server)
                patch.replace(place, with: JSONText.quoted(String(decoding: exposed, as: UTF8.self)))
            }
        }
        let text = JSONText.compacted(patch.applied()[...])
        var plain: [UInt8]?
        if view != nil, list == .tools, let meta = root["_meta"] {
            patch.remove("ui", from: meta)
            patch.remove("ui/resourceUri", from: meta)
            plain = JSONText.compacted(patch.applied()[...])
        }
        return AggregateEntry(own: own, exposed: exposed, text: text, view: view, textWithoutView: plain)
    }

    /// Where the definition of a tool names its view (MCP Apps), as it is written today and as it was.
    private static func views(of root: JSONNode) -> [JSONNode] {
        guard let meta = root["_meta"], meta.isObject else { return [] }
        return [meta["ui"]?["resourceUri"], meta["ui/resourceUri"]].compactMap { $0 }
    }
}
