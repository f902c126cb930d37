import JSON

/// Takes audit events. Never blocks the caller and never fails towards it.
package protocol AuditLog: Sendable {
    /// Records `event`.
    func record(_ event: AuditEvent)
}

/// Records nothing: `audit: {enabled: false}`.
package struct DiscardingAuditLog: AuditLog {
    package init() {}

    package func record(_ event: AuditEvent) {}
}

/// Hands each event to a closure: for tests.
package struct CapturingAuditLog: AuditLog {
    private let capture: @Sendable (AuditEvent) -> Void

    package init(_ capture: @escaping @Sendable (AuditEvent) -> Void) {
        self.capture = capture
    }

    package func record(_ event: AuditEvent) { capture(event) }
}

extension AuditEvent {
    /// One JSON object and a line end; foreign text is bounded and escaped as in the log (`O01`).
    package var line: [UInt8] {
        var text: [UInt8] = []
        append(to: &text, time: time.iso8601)
        return text
    }

    /// Appends ``line``. `time` is this event's, as text: whoever writes many events formats it once a millisecond.
    ///
    /// Member by member and not by way of a `JSONValue`: with an event for each call, that cost a tenth of the gateway.
    func append(to text: inout [UInt8], time: String) {
        JSONText.append("{\"time\":\"", to: &text)
        text.append(contentsOf: time.utf8)
        JSONText.append("\",\"action\":\"", to: &text)
        text.append(contentsOf: action.rawValue.utf8)
        JSONText.append("\",\"outcome\":\"", to: &text)
        text.append(contentsOf: outcome.rawValue.utf8)
        text.append(UInt8(ascii: "\""))
        Self.append(",\"user\":", user, to: &text)
        Self.append(",\"client\":", client, to: &text)
        Self.append(",\"server\":", server, to: &text)
        Self.append(",\"tool\":", tool, to: &text)
        if let requestID {
            JSONText.append(",\"request_id\":\"", to: &text)
            requestID.append(to: &text)
            text.append(UInt8(ascii: "\""))
        }
        Self.append(",\"remote_address\":", remoteAddress, to: &text)
        if !detail.isEmpty {
            JSONText.append(",\"detail\":{", to: &text)
            for (position, (name, value)) in detail.enumerated() {
                if position > 0 { text.append(UInt8(ascii: ",")) }
                JSONText.appendQuoted(name, to: &text)
                text.append(UInt8(ascii: ":"))
                LogText.appendQuoted(value, limit: Self.limit(of: name), to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
        text.append(contentsOf: "}\n".utf8)
    }

    /// Arguments of a call are cut by whoever records them, at 4 KiB, and then say how long they were.
    private static func limit(of detail: String) -> Int {
        detail == "arguments" ? 5 << 10 : LogText.limit
    }

    private static func append(_ name: StaticString, _ value: String?, to text: inout [UInt8]) {
        guard let value else { return }
        JSONText.append(name, to: &text)
        LogText.appendQuoted(value, to: &text)
    }
}
