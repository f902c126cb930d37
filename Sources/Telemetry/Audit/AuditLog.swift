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
