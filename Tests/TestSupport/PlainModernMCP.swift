import Foundation

/// A client of 2026-07-28 on plain HTTP, one request a connection. Blocking: use it from `onThread`.
package struct PlainModernMCP: Sendable {
    package static let version = "2026-07-28"

    package var port: Int
    package var path: String
    package var token: String?
    /// JSON.
    package var capabilities = "{}"
    package var logLevel: String?
    package var host: String
    /// The address that it comes from; nil for the kernel's choice.
    package var source: String?

    package init(port: Int, path: String, token: String?, capabilities: String = "{}", host: String? = nil) {
        self.port = port
        self.path = path
        self.token = token
        self.capabilities = capabilities
        self.host = host ?? "localhost:\(port)"
    }

    /// The members of `_meta` that every request has; `extra` begins with a comma.
    package func meta(_ extra: String = "") -> String {
        let level = logLevel.map { #","io.modelcontextprotocol/logLevel":"\#($0)""# } ?? ""
        return #"{"io.modelcontextprotocol/protocolVersion":"\#(Self.version)","#
            + #""io.modelcontextprotocol/clientInfo":{"name":"plain","version":"1"},"#
            + #""io.modelcontextprotocol/clientCapabilities":\#(capabilities)\#(level)\#(extra)}"#
    }

    /// The text of a request; `members` are further members of its parameters, `id` is JSON.
    package func request(_ method: String, id: String = "1", _ members: String = "", meta extra: String = "") -> String
    {
        let rest = members.isEmpty ? "" : ",\(members)"
        return #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{"_meta":\#(meta(extra))\#(rest)}}"#
    }

    /// The fields of a POST of `method`; `name` is what `Mcp-Name` says.
    package func fields(_ method: String, name: String? = nil) -> [String: String] {
        var fields = [
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Host": host,
            "MCP-Protocol-Version": Self.version, "Mcp-Method": method,
        ]
        if let token { fields["Authorization"] = "Bearer \(token)" }
        if let name { fields["Mcp-Name"] = name }
        return fields
    }

    /// Posts a text; an empty change removes a field.
    package func post(_ text: String, _ fields: [String: String], timeout: Double = 20) throws -> MCPAnswer {
        MCPAnswer(
            try PlainHTTP.exchange(
                port: port, "POST", path, fields.filter { !$0.value.isEmpty }, body: Array(text.utf8), from: source,
                timeout: timeout))
    }

    /// One request, to its end.
    package func send(
        _ method: String, id: String = "1", _ members: String = "", name: String? = nil, meta extra: String = "",
        changing changes: [String: String] = [:]
    ) throws -> MCPAnswer {
        try post(
            request(method, id: id, members, meta: extra), fields(method, name: name).merging(changes) { $1 })
    }

    /// One tool call, to its end; `arguments` is JSON, `members` are those of a retry.
    package func call(
        _ tool: String, id: String = "1", _ arguments: String = "{}", _ members: String = "", meta extra: String = "",
        changing changes: [String: String] = [:]
    ) throws -> MCPAnswer {
        let rest = members.isEmpty ? "" : ",\(members)"
        return try send(
            "tools/call", id: id, #""name":"\#(tool)","arguments":\#(arguments)\#(rest)"#, name: tool, meta: extra,
            changing: changes)
    }

    /// Opens a stream: the head is read, the events are on the wire.
    package func stream(
        _ method: String, id: String = "1", _ members: String, name: String? = nil, meta extra: String = ""
    )
        throws -> (http: PlainHTTP, head: PlainResponse)
    {
        let http = try PlainHTTP(port: port, from: source, timeout: 20)
        try http.send(
            "POST", path, fields(method, name: name), body: Array(request(method, id: id, members, meta: extra).utf8))
        return (http, try http.receiveHead())
    }
}
