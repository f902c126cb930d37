import HTTP
import OAuth
import Telemetry

/// A browser that a trusted proxy has authenticated: no trip, no callback; the header came with this request.
struct TrustedProxyVisit {
    let login: TrustedProxyLogin
    let visit: PageVisit

    /// Who it is, when the header counts from there and the allow-list admits them.
    var identity: ProviderIdentity? {
        login.identity(in: visit.request).flatMap { login.allowList.admits($0.facts) ? $0 : nil }
    }

    /// Signs the user in and goes on: to the consent page, which asks as it asks everybody.
    func enter(_ purpose: LoginPurpose) async throws -> HTTPResponse {
        let service = visit.service
        guard let identity else {
            service.metrics.login(.proxy, .denied)
            service.note(
                .loginFailed, outcome: .denied, request: visit.request,
                detail: [("provider", login.id), ("reason", "not_on_the_allow_list")])
            return Self.refusal.page.response(.forbidden)
        }
        let user = try await FederatedAccount(service: service).signIn(
            VouchedIdentity(identity, credential: nil), by: login.id)
        guard !user.isDisabled else {
            service.metrics.login(.proxy, .denied)
            return Self.refusal.page.response(.forbidden)
        }
        service.metrics.login(.proxy, .success)
        service.note(
            .loginSucceeded, outcome: .success, user: user.id, request: visit.request,
            detail: [("provider", login.id)])
        if case .authorization(let step) = purpose {
            try await visit.flow.advance(step, from: step.transaction.stage, to: .consent, user: user.id)
        }
        let cookie = try await service.startSession(of: user, request: visit.request, cookies: visit.cookies)
        return Redirect.to(purpose.next, cookies: [cookie])
    }

    private static let refusal = MessagePage(
        title: "This account may not use this server",
        explanation: "The proxy in front of this server did not name an account that is allowed here.",
        wayForward: "Ask whoever runs this server.")
}
