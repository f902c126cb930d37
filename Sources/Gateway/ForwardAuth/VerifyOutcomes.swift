import AsyncIO
import HTTP
import OAuth
import Telemetry

/// What becomes of the questions to `/verify`: counted, and in the audit trail.
///
/// There is one for each HTTP request to an upstream, so the trail has them by kind and minute, with their number
/// (``AuditTally``). A question without a token is how every client begins, and is only counted; so is what cannot be said at the moment.
struct VerifyOutcomes: Sendable {
    /// What is known of a question.
    struct Seen {
        let request: HTTPRequest
        /// The resource that it is about.
        var server: String?
        var hasToken = false
        /// Whose token is good for it.
        var principal: Principal?

        init(_ request: HTTPRequest) { self.request = request }
    }

    /// How a question ends.
    private enum Outcome: String, CaseIterable {
        case passed
        case noToken = "no_token"
        case badToken = "bad_token"
        case forbidden
        case limited
        case unavailable
    }

    private let tally: AuditTally?
    private let counters: [Counter]

    init(_ tally: AuditTally?, in metrics: MetricsRegistry) {
        self.tally = tally
        counters = Outcome.allCases.map { outcome in
            metrics.counter(
                "sallyport_verify_total", help: "Questions of proxies whether a request may pass, by the answer.",
                labels: [("outcome", outcome.rawValue)])
        }
    }

    /// A question was answered with `status`.
    func count(_ status: HTTPStatus, _ seen: Seen) {
        let outcome = Self.outcome(status, seen)
        for (known, counter) in zip(Outcome.allCases, counters) where known == outcome { counter.increment() }
        note(seen, outcome)
        guard let account = seen.request.account else { return }
        account.details.server = seen.server
        account.details.user = seen.principal?.user.value
        account.details.client = seen.principal?.client.value
    }

    private static func outcome(_ status: HTTPStatus, _ seen: Seen) -> Outcome {
        switch status {
        case .ok: .passed
        case .forbidden: .forbidden
        case .tooManyRequests: .limited
        case .serviceUnavailable: .unavailable
        // Also for a page that a person sees.
        default: seen.hasToken ? .badToken : .noToken
        }
    }

    private func note(_ seen: Seen, _ outcome: Outcome) {
        guard let tally, outcome != .noToken, outcome != .unavailable else { return }
        let address = seen.request.remoteAddress
        tally.note(
            outcome == .limited ? .requestsLimited : .accessVerified, outcome == .passed ? .success : .denied,
            AuditSubject(
                user: seen.principal?.user.value, client: seen.principal?.client.value, server: seen.server),
            reason: outcome == .passed || outcome == .limited ? nil : outcome.rawValue,
            // Of those without a name: whom an address stands for, not each connection of it.
            remoteAddress: seen.principal == nil
                ? address.customer?.description ?? address.description : seen.request.remoteAddressText)
    }
}
