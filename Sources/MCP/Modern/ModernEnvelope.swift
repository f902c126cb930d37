import JSON

/// What every request of 2026-07-28 says about itself in `_meta` (c14).
package struct ModernEnvelope: Sendable {
    /// The members of `_meta` that belong to one hop.
    package static let keys: [StaticString] = [
        Era.claimKey, "io.modelcontextprotocol/clientInfo", "io.modelcontextprotocol/clientCapabilities",
        "io.modelcontextprotocol/logLevel",
    ]

    /// Longest text of extensions that a session is found by; a longer one counts as none.
    private static let maximumExtensions = 4096

    /// The revision that it claims, served or not.
    package let version: String
    package let capabilities: ClientCapabilities
    /// Whether it can follow tasks (c37).
    package let declaresTasks: Bool
    /// JSON text of the extensions that it declares beside tasks, which legacy servers may know as well (c34); nil for none.
    package let extensions: [UInt8]?
    /// JSON text of `clientInfo`; nil where it says nothing.
    package let clientInfo: [UInt8]?
    /// From which severity on it wants log messages; nil for none (c28).
    package let logLevel: LoggingLevel?

    /// Reads it; what is missing or of another kind is `-32602`.
    package init(_ message: JSONRPCMessage) throws(JSONRPCError) {
        guard let meta = message.params?["_meta"], meta.isObject else {
            throw Self.invalid("_meta with \(Era.claimKey) is missing in params")
        }
        guard let version = meta[Era.claimKey]?.string else { throw Self.invalid("\(Era.claimKey) must be a string") }
        guard let declared = meta[Self.keys[2]], declared.isObject else {
            throw Self.invalid("\(Self.keys[2]) must be an object")
        }
        if let info = meta[Self.keys[1]], !info.isObject { throw Self.invalid("\(Self.keys[1]) must be an object") }
        let level = meta[Self.keys[3]]
        logLevel = LoggingLevel(level)
        if level != nil, logLevel == nil { throw Self.invalid("\(Self.keys[3]) is no level") }
        self.version = version
        capabilities = ClientCapabilities(declared)
        declaresTasks = TasksExtension.isDeclared(in: declared)
        let extensions = declared["extensions"].flatMap { Extensions.withoutTasks($0) }
        self.extensions = extensions.flatMap { $0.count <= Self.maximumExtensions ? $0 : nil }
        clientInfo = meta[Self.keys[1]].map { Array($0.bytes) }
    }

    /// `initialize` in the name of the client, as a message of its own.
    package func handshake(version: ProtocolVersion) -> [UInt8] {
        var text = Array(#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"#.utf8)
        text += JSONText.quoted(version.rawValue)
        text += ",\"capabilities\":".utf8
        capabilities.handshake.append(to: &text)
        if let extensions {
            // A member more: before the end of the object, which is the last byte.
            text.removeLast()
            if text.last != UInt8(ascii: "{") { text.append(UInt8(ascii: ",")) }
            text += Array("\"extensions\":".utf8) + extensions + [UInt8(ascii: "}")]
        }
        text += ",\"clientInfo\":".utf8
        text += clientInfo ?? Array(#"{"name":"sallyport","version":"1"}"#.utf8)
        text += "}}".utf8
        return text
    }

    private static func invalid(_ message: String) -> JSONRPCError { JSONRPCError(.invalidParams, message) }
}
