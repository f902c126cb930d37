import HTTP
import OAuth
import Telemetry

/// What becomes of a browser that came back from a provider, whose ticket was good and is used up.
struct ProviderArrival {
    let service: AuthorizationService
    let visit: PageVisit
    let provider: any IdentityProvider
    /// The authorization request that it belongs to; nil for a login without one.
    let step: AuthorizationFlow.Step?
    /// Removes the ticket's cookie.
    let cookie: String

    /// The provider says who it is: allow-list, account, session, and the answer to the client.
    func welcome(_ vouched: VouchedIdentity) async throws -> HTTPResponse {
        guard provider.allowList.admits(vouched.identity.facts) else {
            service.metrics.login(.provider, .denied)
            service.note(
                .loginFailed, outcome: .denied, request: visit.request,
                detail: [("provider", provider.id), ("reason", "not_on_the_allow_list")])
            return try await notAdmitted(vouched.identity)
        }
        let user = try await FederatedAccount(service: service).signIn(vouched, by: provider.id)
        guard !user.isDisabled else {
            service.metrics.login(.provider, .denied)
            service.note(
                .loginFailed, outcome: .denied, user: user.id, request: visit.request,
                detail: [("provider", provider.id), ("reason", "account_disabled")])
            return try await notAdmitted(vouched.identity)
        }
        service.metrics.login(.provider, .success)
        service.note(
            .loginSucceeded, outcome: .success, user: user.id, request: visit.request,
            detail: [("provider", provider.id)])
        let session = try await service.startSession(of: user, request: visit.request, cookies: visit.cookies)
        guard let step else { return Redirect.to("/login", cookies: [session, cookie]) }
        return try await visit.flow.approveAfterProvider(step, user: user.id, cookies: [session, cookie])
    }

    /// The provider answered with an error of OAuth 2.1 §4.1.2.1.
    func refused(by error: String) async throws -> HTTPResponse {
        service.metrics.login(.provider, .failed)
        service.note(
            .loginFailed, outcome: .failed, request: visit.request,
            detail: [("provider", provider.id), ("reason", "provider_error")])
        let answer: OAuthError =
            switch error {
            case "access_denied", "consent_required", "login_required", "interaction_required":
                OAuthError(.accessDenied, "the user did not sign in")
            case "temporarily_unavailable": OAuthError(.temporarilyUnavailable, "the sign-in service is not available")
            default: OAuthError(.serverError, "the sign-in service refused the request")
            }
        return try await end(answer, status: .badGateway, Self.message(of: answer, provider.title))
    }

    /// The provider could not be asked, or its answer cannot be believed.
    func failed(_ failure: ProviderFailure) async throws -> HTTPResponse {
        service.metrics.login(.provider, .failed)
        service.note(
            .loginFailed, outcome: .failed, request: visit.request,
            detail: [("provider", provider.id), ("reason", failure.code.rawValue)])
        switch failure.code {
        case .unavailable:
            let answer = OAuthError(.temporarilyUnavailable, "the sign-in service is not available")
            return try await end(answer, status: .badGateway, Self.message(of: answer, provider.title))
        case .misconfigured:
            let answer = OAuthError(.serverError, "the sign-in service does not accept this server")
            return try await end(answer, status: .badGateway, Self.message(of: answer, provider.title))
        case .insufficient:
            return try await page(
                MessagePage(
                    title: "This is not enough to sign in",
                    explanation: "\(provider.title) did not let this server see what it has to know about you.",
                    wayForward: "Start again from the application, and allow everything that \(provider.title) asks."))
        case .rejected, .untrusted: return try await unbelievable(failure.detail)
        }
    }

    /// Nothing that came proves who it is: nobody is told more, and no client is told anything.
    func unbelievable(_ detail: String) async throws -> HTTPResponse {
        try await page(
            MessagePage(
                title: "The sign-in could not be verified",
                explanation: "The answer of \(provider.title) does not prove who you are. Nothing was given away.",
                wayForward: "Start again from the application. If it stays so, tell whoever runs this server."))
    }

    private func notAdmitted(_ identity: ProviderIdentity) async throws -> HTTPResponse {
        try await page(
            MessagePage(
                title: "This account may not use this server",
                explanation:
                    "You are signed in at \(provider.title) as \(DisplayText.clean(identity.name)), and nobody "
                    + "has allowed that account here.",
                wayForward: "Sign in there with another account and start again, or ask whoever runs this server."))
    }

    // MARK: Steps

    /// Ends the transaction with a page of ours. The client learns of it when the user follows the link.
    private func page(_ message: MessagePage) async throws -> HTTPResponse {
        var message = message
        if let step {
            try await visit.flow.advance(step, from: .identityProvider, to: .finished)
            let error = OAuthError(.accessDenied, "the user could not be signed in")
            if !step.redirect.uri.isOutOfBand {
                message.link = ("Return to the application", step.redirect.location(error: error))
            }
        }
        return message.page.response(.forbidden, cookies: [cookie])
    }

    /// Ends the transaction with an error for the client, whom the user has approved; without one, with a page.
    private func end(_ error: OAuthError, status: HTTPStatus, _ message: MessagePage) async throws -> HTTPResponse {
        guard let step else { return message.page.response(status, cookies: [cookie]) }
        try await visit.flow.advance(step, from: .identityProvider, to: .finished)
        return step.redirect.answer(error: error, cookies: [cookie])
    }

    private static func message(of error: OAuthError, _ title: String) -> MessagePage {
        MessagePage(
            title: "You are not signed in", explanation: "\(title) did not sign you in: \(error.description).",
            wayForward: "Try again in a minute.", link: ("Sign in again", "/login"))
    }
}
