import JSON

/// One line of the access log: a request that was answered.
///
/// There is one for each request, so it is written member by member and not by way of a `JSONValue`, like the lines of the
/// audit trail.
package struct AccessRecord: Sendable {
    /// The message of each line.
    static let message = "request answered"
    /// Few lines are longer.
    static let usualLength = 448

    package var requestID: RequestID
    /// Method and path, which has no query; nil for what could not be read as a request.
    package var target: (method: String, path: String)?
    package var status: Int
    /// From the end of the head to that of the answer.
    package var duration: Duration
    /// Of content that was sent.
    package var bytes: Int
    package var remoteAddress: String
    package var details: Details

    /// What whoever answered knows of the request.
    package struct Details: Sendable {
        /// What a trusted proxy calls it.
        package var proxyID: String?
        /// The MCP server, or the resource elsewhere that `/verify` was asked about.
        package var server: String?
        /// The method of JSON-RPC.
        package var call: String?
        package var tool: String?
        package var user: String?
        package var client: String?

        package init() {}
    }

    package init(
        requestID: RequestID, target: (method: String, path: String)?, status: Int, duration: Duration, bytes: Int,
        remoteAddress: String, details: Details
    ) {
        self.requestID = requestID
        self.target = target
        self.status = status
        self.duration = duration
        self.bytes = bytes
        self.remoteAddress = remoteAddress
        self.details = details
    }

    /// Appends the members that follow the time, and the end of the line.
    func append(to text: inout [UInt8], label: String) {
        JSONText.append(",\"level\":\"info\",\"module\":\"", to: &text)
        text.append(contentsOf: label.utf8)
        JSONText.append("\",\"message\":\"request answered\",\"request_id\":\"", to: &text)
        requestID.append(to: &text)
        text.append(UInt8(ascii: "\""))
        AuditLine.append(",\"method\":", target?.method, to: &text)
        AuditLine.append(",\"path\":", target?.path, to: &text)
        JSONText.append(",\"status\":", to: &text)
        text.append(contentsOf: String(status).utf8)
        JSONText.append(",\"duration_ms\":", to: &text)
        AuditLine.append(milliseconds: duration, to: &text)
        JSONText.append(",\"bytes\":", to: &text)
        text.append(contentsOf: String(bytes).utf8)
        AuditLine.append(",\"remote_address\":", remoteAddress, to: &text)
        AuditLine.append(",\"proxy_request_id\":", details.proxyID, to: &text)
        AuditLine.append(",\"server\":", details.server, to: &text)
        AuditLine.append(",\"call\":", details.call, to: &text)
        AuditLine.append(",\"tool\":", details.tool, to: &text)
        AuditLine.append(",\"user\":", details.user, to: &text)
        AuditLine.append(",\"client\":", details.client, to: &text)
        JSONText.append("}\n", to: &text)
    }

    /// The same for a terminal, which few lines reach.
    var metadata: LogMetadata {
        var metadata: LogMetadata = ["request_id": .string(requestID.value)]
        if let target {
            metadata["method"] = .string(target.method)
            metadata["path"] = .string(target.path)
        }
        metadata["status"] = .integer(status)
        var milliseconds: [UInt8] = []
        AuditLine.append(milliseconds: duration, to: &milliseconds)
        metadata["duration_ms"] = .string(String(decoding: milliseconds, as: UTF8.self))
        metadata["bytes"] = .integer(bytes)
        metadata["remote_address"] = .string(remoteAddress)
        let known = [
            ("proxy_request_id", details.proxyID), ("server", details.server), ("call", details.call),
            ("tool", details.tool), ("user", details.user), ("client", details.client),
        ]
        for (name, value) in known { if let value { metadata[name] = .string(value) } }
        return metadata
    }
}
