/// What happened, in the words of the audit trail.
package enum AuditAction: String, Sendable, CaseIterable {
    case loginSucceeded = "login_succeeded"
    case loginFailed = "login_failed"
    case signedOut = "signed_out"
    case consentGranted = "consent_granted"
    case consentDenied = "consent_denied"
    case clientRegistered = "client_registered"
    case clientChanged = "client_changed"
    case clientRemoved = "client_removed"
    case tokenIssued = "token_issued"
    case tokenRefreshed = "token_refreshed"
    case tokenRevoked = "token_revoked"
    case codeReplayed = "code_replayed"
    case refreshTokenReused = "refresh_token_reused"
    case keyAdded = "key_added"
    case keyRetired = "key_retired"
    case userAdded = "user_added"
    case userChanged = "user_changed"
    case userRemoved = "user_removed"
    case userDisowned = "user_disowned"
    case sessionStarted = "session_started"
    case sessionEnded = "session_ended"
    case toolCalled = "tool_called"
    case requestsLimited = "requests_limited"
    case accessVerified = "access_verified"
    case toolChanged = "tool_changed"
    case toolApproved = "tool_approved"
    case toolForgotten = "tool_forgotten"
    case apiKeyCreated = "api_key_created"
    case apiKeyRevoked = "api_key_revoked"
    case storeRestored = "store_restored"
    case trailStarted = "trail_started"
    case trailContinued = "trail_continued"
    case eventsLost = "events_lost"
}

/// How it ended.
package enum AuditOutcome: String, Sendable, CaseIterable {
    case success, denied, failed
}

/// One entry of the audit trail: who did what with what, when. Never holds a secret; arguments only where the
/// operator wants them.
package struct AuditEvent: Sendable {
    package var time: Timestamp
    package var action: AuditAction
    package var outcome: AuditOutcome
    package var subject: AuditSubject
    package var tool: String?
    package var requestID: RequestID?
    package var remoteAddress: String?
    /// How long it took; the first detail, `duration_ms`.
    package var duration: Duration?
    /// What else an investigator needs, as name and value.
    package var detail: [(String, String)]

    package init(
        time: Timestamp, action: AuditAction, outcome: AuditOutcome = .success, subject: AuditSubject,
        tool: String? = nil, requestID: RequestID? = nil, remoteAddress: String? = nil, duration: Duration? = nil,
        detail: [(String, String)] = []
    ) {
        self.time = time
        self.action = action
        self.outcome = outcome
        self.subject = subject
        self.tool = tool
        self.requestID = requestID
        self.remoteAddress = remoteAddress
        self.duration = duration
        self.detail = detail
    }

    package init(
        time: Timestamp, action: AuditAction, outcome: AuditOutcome = .success, user: String? = nil,
        client: String? = nil, server: String? = nil, tool: String? = nil, requestID: RequestID? = nil,
        remoteAddress: String? = nil, detail: [(String, String)] = []
    ) {
        self.init(
            time: time, action: action, outcome: outcome,
            subject: AuditSubject(user: user, client: client, server: server), tool: tool, requestID: requestID,
            remoteAddress: remoteAddress, detail: detail)
    }

    package var user: String? { subject.user }
    package var client: String? { subject.client }
    package var server: String? { subject.server }
}

/// Who does something, and with which server. What each line says of it is made once, for whoever does much.
package final class AuditSubject: Sendable {
    package let user: String?
    package let client: String?
    package let server: String?
    /// The members of a line, a comma before each.
    let members: [UInt8]

    package init(user: String?, client: String?, server: String?) {
        (self.user, self.client, self.server) = (user, client, server)
        var text: [UInt8] = []
        AuditLine.append(",\"user\":", user, to: &text)
        AuditLine.append(",\"client\":", client, to: &text)
        AuditLine.append(",\"server\":", server, to: &text)
        members = text
    }
}
