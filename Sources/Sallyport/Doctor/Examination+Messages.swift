import HTTP
import JSON

// What a client says in MCP itself.
extension Examination {
    private static let about: JSONValue = ["name": "sallyport-doctor", "version": .string(Version.text)]
    static let modernVersion = "2026-07-28"

    /// `initialize`, offering `version`.
    static func handshake(_ version: String, to endpoint: HTTPURL) -> Probe {
        .message(
            request(
                0, "initialize",
                [
                    .init("protocolVersion", .string(version)), .init("capabilities", [:]), .init("clientInfo", about),
                ]), to: endpoint)
    }

    /// `server/discover` of 2026-07-28.
    static func discovery(to endpoint: HTTPURL) -> Probe { modern(0, "server/discover", [], to: endpoint) }

    /// A request of 2026-07-28 with the fields of its head (c10).
    static func modern(
        _ id: Int64, _ method: String, _ parameters: [JSONValue.Member], name: String? = nil, to endpoint: HTTPURL
    ) -> Probe {
        let meta: JSONValue = [
            "io.modelcontextprotocol/protocolVersion": .string(modernVersion),
            "io.modelcontextprotocol/clientInfo": about, "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        return .message(request(id, method, parameters + [.init("_meta", meta)]), to: endpoint)
            .adding("MCP-Protocol-Version", modernVersion).adding("Mcp-Method", method).adding("Mcp-Name", name)
    }

    static func request(_ id: Int64, _ method: String, _ parameters: [JSONValue.Member]) -> JSONValue {
        ["jsonrpc": "2.0", "id": .integer(id), "method": .string(method), "params": .object(parameters)]
    }
}
