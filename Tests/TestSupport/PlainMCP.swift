import Foundation

/// What came back for one POST to an MCP endpoint: a JSON body or the messages of an event stream.
package struct MCPAnswer: Sendable {
    package var response: PlainResponse
    /// The JSON-RPC messages, as text, in order.
    package var messages: [String]

    package init(_ response: PlainResponse) {
        self.response = response
        if response.isEventStream {
            messages = PlainEvent.parse(response.text).compactMap(\.data).filter { !$0.isEmpty }
        } else {
            messages = response.body.isEmpty ? [] : [response.text]
        }
    }

    package var status: Int { response.status }

    /// The message that ends the call: the last one.
    package var object: [String: Any] {
        messages.last.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) } as? [String: Any] ?? [:]
    }
    package var result: [String: Any]? { object["result"] as? [String: Any] }
    package var errorCode: Int? { (object["error"] as? [String: Any])?["code"] as? Int }
    package var errorMessage: String? { (object["error"] as? [String: Any])?["message"] as? String }
    /// The first text block of a tool's result.
    package var text: String? { (result?["content"] as? [[String: Any]])?.first?["text"] as? String }
}

extension PlainEvent {
    /// The events of a whole stream.
    package static func parse(_ text: String) -> [PlainEvent] {
        text.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n\n").compactMap { block in
            var event = PlainEvent()
            var filled = false
            for line in block.split(separator: "\n") where !line.hasPrefix(":") {
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                let raw = parts.count > 1 ? parts[1] : ""
                let value = String(raw.hasPrefix(" ") ? raw.dropFirst() : raw)
                filled = true
                switch parts[0] {
                case "id": event.id = value
                case "event": event.event = value
                case "retry": event.retry = value
                case "data": event.data = event.data.map { $0 + "\n" + value } ?? value
                default: break
                }
            }
            return filled ? event : nil
        }
    }
}

/// A legacy MCP client on plain HTTP, one request a connection. Blocking: use it from `onThread`.
package struct PlainMCP: Sendable {
    package var port: Int
    package var path: String
    package var token: String?
    package var session: String?
    package var version = "2025-06-18"
    package var host: String
    /// The address that it comes from; nil for the kernel's choice.
    package var source: String?

    package init(port: Int, path: String, token: String?, host: String? = nil) {
        self.port = port
        self.path = path
        self.token = token
        self.host = host ?? "localhost:\(port)"
    }

    /// The headers of a POST.
    package var headers: [String: String] {
        var fields = [
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Host": host,
        ]
        if let token { fields["Authorization"] = "Bearer \(token)" }
        if let session {
            fields["Mcp-Session-Id"] = session
            fields["MCP-Protocol-Version"] = version
        }
        return fields
    }

    /// Posts one message.
    package func post(_ message: String, _ changes: [String: String] = [:], timeout: Double = 20) throws -> MCPAnswer {
        let fields = headers.merging(changes) { $1 }.filter { !$0.value.isEmpty }
        return MCPAnswer(
            try PlainHTTP.exchange(
                port: port, "POST", path, fields, body: Array(message.utf8), from: source, timeout: timeout))
    }

    /// The text of a request.
    package static func request(_ method: String, id: Int, _ parameters: String = "{}") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(parameters)}"#
    }

    /// The text of a tool call; `arguments` is JSON.
    package static func call(_ tool: String, id: Int, _ arguments: String = "{}", token: String? = nil) -> String {
        let meta = token.map { #","_meta":{"progressToken":\#($0)}"# } ?? ""
        return request("tools/call", id: id, #"{"name":"\#(tool)","arguments":\#(arguments)\#(meta)}"#)
    }

    /// Initializes a session.
    package mutating func open(capabilities: String = "{}") throws -> MCPAnswer {
        session = nil
        let parameters =
            #"{"protocolVersion":"\#(version)","capabilities":\#(capabilities),"clientInfo":{"name":"plain","version":"1"}}"#
        let answer = try post(Self.request("initialize", id: 0, parameters))
        guard answer.status == 200, let id = answer.response.header("mcp-session-id") else { return answer }
        session = id
        _ = try post(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        return answer
    }

    /// One tool call, to its end.
    package func call(_ tool: String, id: Int = 1, _ arguments: String = "{}", timeout: Double = 20) throws -> MCPAnswer
    {
        try post(Self.call(tool, id: id, arguments), timeout: timeout)
    }

    /// Opens a stream: the head is read, the events are on the wire.
    package func stream(_ method: String = "GET", body: String = "", lastEvent: String? = nil, timeout: Double = 20)
        throws -> (http: PlainHTTP, head: PlainResponse)
    {
        let http = try PlainHTTP(port: port, from: source, timeout: timeout)
        var fields = headers
        if method == "GET" {
            fields["Accept"] = "text/event-stream"
            fields["Content-Type"] = nil
        }
        fields["Last-Event-ID"] = lastEvent
        try http.send(method, path, fields, body: Array(body.utf8))
        return (http, try http.receiveHead())
    }

    /// A session whose `initialize` succeeded.
    package static func opened(
        port: Int, path: String, token: String?, version: String = "2025-06-18", capabilities: String = "{}"
    ) throws -> PlainMCP {
        var client = PlainMCP(port: port, path: path, token: token)
        client.version = version
        let answer = try client.open(capabilities: capabilities)
        guard client.session != nil else {
            throw PlainBrowser.WalkError(description: "initialize \(path): \(answer.status) \(answer.messages)")
        }
        return client
    }
}
