package import Crypto
package import JSON

/// What a server says a tool is: all of it, in a canonical form, so that two definitions can be told apart.
package struct ToolDefinition: Sendable {
    /// What the server calls it.
    package let name: [UInt8]
    /// JSON text of every member of the definition, known here or not (``JSONText/canonical(_:)``); an array of texts where one list
    /// defines a name in several ways.
    package let text: [UInt8]
    /// SHA-256 of ``text``.
    package let digest: Digest

    package init(name: [UInt8], text: [UInt8]) {
        self.name = name
        self.text = text
        digest = SHA256.digest(text)
    }

    /// The definitions in `tools` of a list, each name once. What has no name defines nothing.
    package static func all(in tools: JSONNode) -> [ToolDefinition] {
        var names: [[UInt8]] = []
        var texts: [[UInt8]: [[UInt8]]] = [:]
        for tool in tools.elements {
            guard let name = tool["name"]?.stringBytes else { continue }
            let text = JSONText.canonical(tool)
            if texts[name] == nil { names.append(name) }
            if texts[name]?.contains(text) != true { texts[name, default: []].append(text) }
        }
        return names.compactMap { name in
            guard let all = texts[name], let first = all.first else { return nil }
            guard all.count > 1 else { return ToolDefinition(name: name, text: first) }
            var joined: [UInt8] = [UInt8(ascii: "[")]
            for (position, text) in all.enumerated() {
                if position > 0 { joined.append(UInt8(ascii: ",")) }
                joined += text
            }
            return ToolDefinition(name: name, text: joined + [UInt8(ascii: "]")])
        }
    }
}
