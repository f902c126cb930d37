import HTTP
import OAuth
import Telemetry

/// `/account`: what a user allowed, where they are signed in, and the way to end each of it (U07).
///
/// Everything that changes something is a POST of our own page with a token of this session (U02), and concerns nobody but
/// the user who is signed in.
struct AccountEndpoint: HTTPResponder {
    /// What the forms' tokens are bound to.
    static let formPurpose = "account"

    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/account", self)
        router.on(.post, "/account", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            let signedIn = try await service.signedInUser(request, cookies: visit.cookies)
            guard request.method == .post else {
                guard let signedIn else { return Redirect.to("/login") }
                return try await show(visit, signedIn)
            }
            guard let signedIn else { throw AuthorizationRefusal.signedOut }
            let form = try await visit.form(body)
            try form.verify(purpose: AccountEndpoint.formPurpose, browserSecret: signedIn.secret)
            return try await change(form, visit, signedIn)
        } catch AuthorizationRefusal.forgedForm {
            return AccountEndpoint.strange.page.response(.forbidden)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func show(
        _ visit: PageVisit, _ signedIn: SignedInUser, problem: String? = nil, status: HTTPStatus = .ok
    ) async throws -> HTTPResponse {
        let done = try visit.query("done").flatMap(AccountChange.init(rawValue:))
        let view = try await AccountView.load(signedIn, visit: visit)
        return AccountPage(view: view, done: problem == nil ? done : nil, problem: problem).page.response(status)
    }

    private func change(_ form: PostedForm, _ visit: PageVisit, _ signedIn: SignedInUser) async throws -> HTTPResponse {
        guard let change = try form.value("change").flatMap(AccountChange.init(rawValue:)) else {
            throw AuthorizationRefusal.forgedForm
        }
        var cookies: [String] = []
        switch change {
        case .grant: try await revokeGrant(try form.value("id") ?? "", visit, signedIn)
        case .key: try await revokeKey(try form.value("id") ?? "", visit, signedIn)
        case .session: try await endSession(try form.value("id") ?? "", visit, signedIn)
        case .otherSessions:
            _ = try await service.store.endSessions(of: signedIn.user.id, except: signedIn.session.id)
            note(.signedOut, visit, signedIn, [("sessions", "others")])
        case .password:
            let outcome = try await PasswordChange(service: service, visit: visit, signedIn: signedIn).make(form)
            switch outcome {
            case .changed(let cookie): cookies = [cookie]
            case .refused(let problem, let status):
                return try await show(visit, signedIn, problem: problem, status: status)
            }
        }
        return Redirect.to("/account?done=\(change.rawValue)", cookies: cookies)
    }

    // MARK: Changes

    // Whether it was theirs and whether it was still there looks the same from outside.
    private func revokeGrant(_ text: String, _ visit: PageVisit, _ signedIn: SignedInUser) async throws {
        let id = GrantID(text)
        guard let grant = try await service.store.grant(id), grant.user == signedIn.user.id else { return }
        // First the memory of the consent: a client that comes back must ask again.
        try await service.store.forgetConsents(of: signedIn.user.id, to: grant.client)
        _ = try await service.store.revoke(id, reason: .userRequest, at: service.now)
        service.revocations.revoke(id, at: service.now)
        service.note(
            .tokenRevoked, outcome: .success, user: signedIn.user.id, client: grant.client, request: visit.request,
            detail: [("grant", text)])
    }

    private func revokeKey(_ text: String, _ visit: PageVisit, _ signedIn: SignedInUser) async throws {
        let id = GrantID(text)
        let outcome = try await service.store.revokeAPIKey(id, of: signedIn.user.id, at: service.now)
        guard outcome == .revoked else { return }
        service.revocations.revoke(id, at: service.now)
        note(.apiKeyRevoked, visit, signedIn, [("key", text)])
    }

    private func endSession(_ text: String, _ visit: PageVisit, _ signedIn: SignedInUser) async throws {
        let sessions = try await service.store.sessions(
            of: signedIn.user.id, lifetime: service.configuration.session, at: service.now)
        guard let session = sessions.first(where: { AccountView.name(of: $0) == text }) else { return }
        try await service.store.end(session.id)
        note(.signedOut, visit, signedIn, [("sessions", "one")])
    }

    private func note(
        _ action: AuditAction, _ visit: PageVisit, _ signedIn: SignedInUser, _ detail: [(String, String)]
    ) {
        service.note(action, outcome: .success, user: signedIn.user.id, request: visit.request, detail: detail)
    }

    private static let strange = MessagePage(
        title: "This form did not come from your account page",
        explanation: "It was sent by another site, or by a page from before you signed in again.",
        wayForward: "Nothing was changed.", link: ("Your account", "/account"))
}
