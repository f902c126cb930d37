import JSON

/// A client of the legacy era as its `initialize` described it, in the terms that every request of 2026-07-28 uses (mcp.md
/// B1, "L→M").
package struct LegacyClient: Sendable {
    /// The revision that is spoken with it: its own, or the latest one that has a handshake.
    package let version: ProtocolVersion
    /// What it can be asked.
    package let capabilities: ClientCapabilities
    /// Members of `_meta` with their keys, the envelope of every request; JSON text.
    private(set) var envelope: [(key: StaticString, text: [UInt8])]

    /// Reads a request `initialize`; what is missing or of another kind counts as not said.
    package init(_ initialize: JSONRPCMessage) {
        let params = initialize.params
        let asked = params?["protocolVersion"]?.stringBytes.flatMap { ProtocolVersion(bytes: $0) }
        let version = asked.flatMap { $0.era == .legacy ? $0 : nil } ?? .november2025
        let declared = Self.converted(params?["capabilities"], of: version)
        self.version = version
        capabilities = (try? JSONDocument(parsing: declared)).map { ClientCapabilities($0.root) } ?? []
        envelope = Self.envelope(capabilities: declared, info: params?["clientInfo"])
    }

    /// The same, for a server that has tasks: its calls may become tasks, which the gateway follows for it.
    package func followingTasks() -> LegacyClient {
        var client = self
        for (position, member) in envelope.enumerated() where position == 1 {
            client.envelope[position].text = Extensions.withTasks(member.text)
        }
        return client
    }

    private init() {
        version = .november2025
        capabilities = []
        envelope = Self.envelope(capabilities: Array("{}".utf8), info: nil)
    }

    /// Nobody in particular: whoever asks a server which era it speaks.
    package static let nobody = LegacyClient()

    private static func envelope(
        capabilities: [UInt8], info: JSONNode?
    ) -> [(key: StaticString, text: [UInt8])] {
        var members: [(key: StaticString, text: [UInt8])] = [
            (ModernEnvelope.keys[0], JSONText.quoted(ProtocolVersion.july2026.rawValue)),
            (ModernEnvelope.keys[2], capabilities),
        ]
        if let info, info.isObject { members.append((ModernEnvelope.keys[1], JSONText.compacted(info))) }
        return members
    }

    /// The capabilities of the modern era. What the client's revision cannot express it has not declared, whatever it says;
    /// tasks are spoken otherwise in the new era, so it may not start one.
    private static func converted(_ declared: JSONNode?, of version: ProtocolVersion) -> [UInt8] {
        guard let declared, declared.isObject else { return Array("{}".utf8) }
        var text: [UInt8] = [UInt8(ascii: "{")]
        for (key, value) in declared.members {
            guard let converted = converted(key, value, of: version) else { continue }
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text += key.bytes
            text.append(UInt8(ascii: ":"))
            text += converted
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    private static func converted(_ key: JSONNode, _ value: JSONNode, of version: ProtocolVersion) -> [UInt8]? {
        let empty = Array("{}".utf8)
        if key.equals("tasks") { return nil }
        if key.equals("roots") { return value.isObject ? empty : nil }
        if key.equals("sampling") {
            guard value.isObject else { return nil }
            return version >= .november2025 ? JSONText.compacted(value) : empty
        }
        if key.equals("elicitation") {
            guard value.isObject, version >= .june2025 else { return nil }
            let isPlain = version < .november2025 || value.count == 0
            return isPlain ? Array("{\"form\":{}}".utf8) : JSONText.compacted(value)
        }
        if key.equals("extensions") { return Extensions.withoutTasks(value) }
        return JSONText.compacted(value)
    }
}

/// `capabilities.extensions`.
enum Extensions {
    /// JSON text without the tasks of the modern era, which are not translated; nil where nothing is left.
    static func withoutTasks(_ extensions: JSONNode) -> [UInt8]? {
        guard extensions.isObject, let alone = try? JSONDocument(parsing: Array(extensions.bytes)) else { return nil }
        var patch = JSONPatch(alone)
        patch.remove(TasksExtension.key, from: alone.root)
        let isEmpty = extensions.count - (extensions.contains(TasksExtension.key) ? 1 : 0) == 0
        return isEmpty ? nil : JSONText.compacted(patch.applied()[...])
    }

    /// JSON text of capabilities without the tasks of the modern era.
    static func removingTasks(from capabilities: [UInt8]) -> [UInt8] {
        guard let alone = try? JSONDocument(parsing: capabilities) else { return Array("{}".utf8) }
        guard let extensions = alone.root["extensions"] else { return JSONText.compacted(capabilities[...]) }
        var patch = JSONPatch(alone)
        if let kept = withoutTasks(extensions) {
            patch.replace(extensions, with: kept)
        } else {
            patch.remove("extensions", from: alone.root)
        }
        return JSONText.compacted(patch.applied()[...])
    }

    /// JSON text of capabilities with the tasks of the modern era.
    static func withTasks(_ capabilities: [UInt8]) -> [UInt8] {
        guard let alone = try? JSONDocument(parsing: capabilities), alone.root.isObject else { return capabilities }
        let empty = Array("{}".utf8)
        var patch = JSONPatch(alone)
        if let extensions = alone.root["extensions"], extensions.isObject {
            patch.set(TasksExtension.key, to: empty, in: extensions)
        } else {
            patch.set("extensions", to: Array("{\"\(TasksExtension.key)\":{}}".utf8), in: alone.root)
        }
        return patch.applied()
    }
}
