import AsyncIO
import HTTP
import OAuth
import Telemetry

extension AuthorizationService {
    /// Our origin as this request names it; 421 or 403 otherwise (H06).
    func origin(of request: HTTPRequest) throws(HostRefusal) -> ServerOrigin {
        try hosts.origin(of: request)
    }

    /// Our origin for endpoints that every web origin may call: `Host` is checked, `Origin` is not.
    func openOrigin(of request: HTTPRequest) throws(HostRefusal) -> ServerOrigin {
        var request = request
        request.fields.remove("origin")
        return try hosts.origin(of: request)
    }

    /// Turns whatever ended a page request into a page. Details go to the log, not to the page.
    func page(for error: any Error, request: HTTPRequest) -> HTTPResponse {
        switch error {
        case let refusal as AuthorizationRefusal:
            logger.info(
                "page request refused",
                ["request_id": .string(request.id.description), "reason": .string(refusal.reason)])
            var response = refusal.message.page.response(refusal.status)
            if case .tooManyRequests(let seconds) = refusal { response.fields.append("Retry-After", String(seconds)) }
            return response
        case let error as PeerDocumentError:
            logger.notice(
                "the document of a client cannot be used",
                ["request_id": .string(request.id.description), "reason": .string("\(error)")])
            return page(for: AuthorizationRefusal(error), request: request)
        case let refusal as HostRefusal:
            return refusal.response
        case let refusal as SetupRefusal:
            return refusal.message.page.response(.forbidden)
        default:
            logger.error(
                "page request failed",
                ["request_id": .string(request.id.description), "error": .string(String(describing: error))])
            var response = AuthorizationService.failurePage.response(.serviceUnavailable)
            response.fields.append("Retry-After", AuthorizationService.retryAfter)
            return response
        }
    }

    /// Turns whatever ended a program's request into an OAuth error. Anything unexpected is 503: nothing was issued.
    func answer(for error: any Error, request: HTTPRequest) -> HTTPResponse {
        switch error {
        case let error as OAuthError:
            logger.info(
                "request refused",
                ["request_id": .string(request.id.description), "error": .string(error.code.rawValue)])
            var response = JSONAnswer.make(error)
            // RFC 6749 §5.2: who tried the header is told that it failed (A09).
            if error.code == .invalidClient, request.fields.contains("authorization") {
                response.fields.append("WWW-Authenticate", "Basic realm=\"sallyport\"")
            }
            return response
        case let error as PeerDocumentError:
            logger.notice(
                "the document of a client cannot be used",
                ["request_id": .string(request.id.description), "reason": .string("\(error)")])
            return answer(for: OAuthError(error), request: request)
        case let refusal as HostRefusal:
            return refusal.response
        case let refusal as RegistrationRefusal:
            return refusal.response
        case let refusal as RateRefusal:
            return refusal.response
        case let refusal as FormTooLarge:
            return refusal.response
        default:
            logger.error(
                "request failed",
                ["request_id": .string(request.id.description), "error": .string(String(describing: error))])
            var response = JSONAnswer.make(OAuthError(.temporarilyUnavailable, "try again later"))
            response.fields.append("Retry-After", AuthorizationService.retryAfter)
            return response
        }
    }

    /// Records an audit event of this request.
    func note(
        _ action: AuditAction, outcome: AuditOutcome, user: UserID? = nil, client: ClientID? = nil,
        request: HTTPRequest, detail: [(String, String)] = []
    ) {
        audit.record(
            AuditEvent(
                time: now, action: action, outcome: outcome, user: user?.value, client: client?.value,
                requestID: request.id, remoteAddress: request.remoteAddress.description, detail: detail))
    }

    /// Keeps one address from asking for pages without end.
    func limitPages(_ request: HTTPRequest) throws(AuthorizationRefusal) {
        guard let seconds = pageLimiter.take(request.remoteAddress, at: now) else { return }
        metrics.reached(.pages)
        throw .tooManyRequests(seconds: seconds)
    }

    /// Seconds. A store that was away is back within one once it answers (F09).
    private static let retryAfter = "1"

    private static let failurePage = MessagePage(
        title: "This does not work right now",
        explanation: "Something went wrong on this server; it is not your fault and nothing was given away.",
        wayForward: "Try again in a minute. If it stays so, tell whoever runs this server."
    ).page
}
