import HTTP
import MCP
import OAuth
import Telemetry

extension CallEnd {
    /// The same in the words of the trail.
    fileprivate var auditOutcome: AuditOutcome {
        switch self {
        case .answered, .toolError: .success
        case .forbidden, .unknownTool, .unknownTask: .denied
        default: .failed
        }
    }
}

/// What the audit trail and a trace say about one request; taken from it before it is sent. An object, because it goes through
/// many hands.
final class CallRecord: Sendable {
    let tool: String?
    let requestID: RequestID
    let remoteAddress: String
    /// Whether the trail has it.
    let isAudited: Bool
    /// What the trail says of the arguments; nil where it says nothing.
    let arguments: String?
    /// Nil where nothing is traced.
    let trace: CallTrace?

    init(
        tool: String?, requestID: RequestID, remoteAddress: String, isAudited: Bool, arguments: String?,
        trace: CallTrace?
    ) {
        self.tool = tool
        self.requestID = requestID
        self.remoteAddress = remoteAddress
        self.isAudited = isAudited
        self.arguments = arguments
        self.trace = trace
    }

    /// Of a request of which nothing else is said.
    convenience init(of request: RequestID) {
        self.init(
            tool: nil, requestID: request, remoteAddress: "", isAudited: false, arguments: nil, trace: nil)
    }
}

/// Tells the audit trail what happened.
struct GatewayObserver: Sendable {
    let audit: any AuditLog
    let clock: WallClock

    /// `destination` where the call went to one of several servers: that one and its own name of the tool count.
    func called(
        _ record: CallRecord, _ end: CallEnd, _ timing: CallTiming, _ session: LegacySession,
        _ destination: CallDestination?
    ) {
        record.trace?.finish(record, end, timing, session, destination)
        guard record.isAudited else { return }
        audit.record(
            AuditEvent(
                time: clock.now(), action: .toolCalled, outcome: end.auditOutcome,
                subject: destination.map { Self.subject(session.principal, $0.server) } ?? session.auditSubject,
                tool: destination?.tool ?? record.tool, requestID: record.requestID,
                remoteAddress: record.remoteAddress, duration: timing.total,
                detail: record.arguments.map { [("arguments", $0)] } ?? []))
    }

    /// A call was refused before it was one.
    func denied(_ record: CallRecord, _ subject: AuditSubject) {
        guard record.isAudited else { return }
        audit.record(
            AuditEvent(
                time: clock.now(), action: .toolCalled, outcome: .denied, subject: subject, tool: record.tool,
                requestID: record.requestID, remoteAddress: record.remoteAddress,
                detail: record.arguments.map { [("arguments", $0)] } ?? []))
    }

    /// `principal` may use nothing of a server, so that no session of it begins.
    func denied(sessionOf principal: Principal, with server: String, _ request: HTTPRequest) {
        audit.record(
            AuditEvent(
                time: clock.now(), action: .sessionStarted, outcome: .denied,
                subject: Self.subject(principal, server), requestID: request.id,
                remoteAddress: request.remoteAddressText))
    }

    /// What the trail calls `principal`, with one of its servers.
    static func subject(_ principal: Principal, _ server: String) -> AuditSubject {
        AuditSubject(user: principal.user.value, client: principal.client.value, server: server)
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
        AuditEvent(time: clock.now(), action: action, subject: session.auditSubject)
    }
}
