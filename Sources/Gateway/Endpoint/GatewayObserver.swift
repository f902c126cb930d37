import MCP
import OAuth
import Telemetry

/// How a call ended.
enum CallEnd: String, Sendable, CaseIterable {
    /// With a result.
    case answered
    /// With an error of the server.
    case refused
    /// Without an answer in time.
    case timedOut = "timed_out"
    /// By the end of the server, or cancelled.
    case failed
}

/// What the audit trail and a trace say about one request; taken from it before it is sent.
struct CallRecord: Sendable {
    let tool: String?
    let requestID: RequestID
    let remoteAddress: String
    /// Whether the trail has it.
    let isAudited: Bool
    /// What the trail says of the arguments; nil where it says nothing.
    let arguments: String?
    /// Nil where nothing is traced.
    let trace: CallTrace?
}

/// Tells the audit trail what happened.
struct GatewayObserver: Sendable {
    let audit: any AuditLog
    let clock: WallClock

    /// `destination` where the call went to one of several servers: that one and its own name of the tool count.
    func called(
        _ record: CallRecord, _ end: CallEnd, after time: Duration, _ session: LegacySession,
        _ destination: CallDestination?
    ) {
        record.trace?.finish(record, end, session, destination)
        guard record.isAudited else { return }
        var detail = [("duration_ms", Self.milliseconds(time))]
        if let arguments = record.arguments { detail.append(("arguments", arguments)) }
        audit.record(
            AuditEvent(
                time: clock.now(), action: .toolCalled, outcome: end == .answered ? .success : .failed,
                user: session.principal.user.value, client: session.principal.client.value,
                server: destination?.server ?? session.server.name, tool: destination?.tool ?? record.tool,
                requestID: record.requestID,
                remoteAddress: record.remoteAddress, detail: detail))
    }

    /// With three decimals.
    private static func milliseconds(_ time: Duration) -> String {
        let micros = max(0, Int64(time / .microseconds(1)))
        let rest = String(micros % 1000)
        return "\(micros / 1000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }

    func began(_ session: LegacySession) {
        audit.record(event(.sessionStarted, session))
    }

    func ended(_ session: LegacySession, _ reason: SessionEnd) {
        var event = event(.sessionEnded, session)
        event.detail = [("reason", reason.label)]
        audit.record(event)
    }

    private func event(_ action: AuditAction, _ session: LegacySession) -> AuditEvent {
        AuditEvent(
            time: clock.now(), action: action, user: session.principal.user.value,
            client: session.principal.client.value, server: session.server.name)
    }
}
