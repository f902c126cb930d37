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
        var members = [
            JSONValue.Member("time", .string(time.iso8601)), .init("action", .string(action.rawValue)),
            .init("outcome", .string(outcome.rawValue)),
        ]
        let named = [
            ("user", user), ("client", client), ("server", server), ("tool", tool), ("request_id", requestID),
            ("remote_address", remoteAddress),
        ]
        for (name, value) in named {
            if let value { members.append(.init(name, .string(LogText.sanitized(value)))) }
        }
        if !detail.isEmpty {
            members.append(.init("detail", .object(detail.map { .init($0.0, .string(LogText.sanitized($0.1))) })))
        }
        return JSONValue.object(members).serialized() + [0x0A]
    }
}
