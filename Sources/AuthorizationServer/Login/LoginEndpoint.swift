import HTTP
import OAuth
import Telemetry

/// `/login`: the choice of how to sign in, and local accounts, for an authorization request or without one.
struct LoginEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/login", self)
        router.on(.post, "/login", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            return request.method == .post ? try await submit(visit, visit.form(body)) : try await show(visit)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func show(_ visit: PageVisit) async throws -> HTTPResponse {
        let handle = try visit.query("transaction")
        let signedIn = try await service.signedInUser(visit.request, cookies: visit.cookies)
        if handle == nil, signedIn != nil { return Redirect.to("/account") }
        let purpose = try await LoginPurpose.find(handle, visit: visit, startsAnew: true)
        if let next = purpose.alreadyDone { return Redirect.to(next) }
        return try await page(purpose, visit: visit)
    }

    private func page(_ purpose: LoginPurpose, visit: PageVisit) async throws -> HTTPResponse {
        let providers = service.providers
        let cookies = purpose.newCookies(visit)
        if providers.hasLocalAccounts {
            guard !providers.isLocalOnly, try visit.query("with") != "password" else {
                return purpose.page(name: "", problem: nil).response(.ok, cookies: cookies)
            }
        } else if providers.providers.isEmpty, providers.proxyLogins.count == 1, let only = providers.proxyLogins.first
        {
            // The proxy has signed the user in already and there is nothing to choose.
            return try await TrustedProxyVisit(login: only, visit: visit).enter(purpose)
        }
        return try LoginChoices(service: service).page(purpose, visit: visit, problem: nil)
            .response(.ok, cookies: cookies)
    }

    private func submit(_ visit: PageVisit, _ form: PostedForm) async throws -> HTTPResponse {
        let purpose = try await LoginPurpose.find(form.value("transaction"), visit: visit, startsAnew: false)
        try form.verify(purpose: purpose.formPurpose, browserSecret: purpose.browserSecret)
        // The second of two posts, or the back button: this browser has logged in for this request already.
        if let next = purpose.alreadyDone { return Redirect.to(next) }
        guard service.providers.hasLocalAccounts else { throw AuthorizationRefusal.forgedForm }
        let name = try form.value("username") ?? ""
        let outcome = try await LocalLogin(service: service).attempt(
            name: name, password: form.value("password") ?? "", request: visit.request)
        switch outcome {
        case .authenticated(let user): return try await proceed(purpose, user: user, visit: visit)
        case .refused:
            return purpose.page(name: name, problem: "The user name or the password is wrong.").response(.unauthorized)
        case .delayed(let seconds):
            var response = purpose.page(
                name: name, problem: "Too many attempts. Wait \(seconds) seconds, then try again."
            )
            .response(.tooManyRequests)
            response.fields.append("Retry-After", String(seconds))
            return response
        }
    }

    private func proceed(
        _ purpose: LoginPurpose, user: UserRecord, visit: PageVisit
    ) async throws -> HTTPResponse {
        if case .authorization(let step) = purpose {
            try await visit.flow.advance(step, from: step.transaction.stage, to: .consent, user: user.id)
        }
        let cookie = try await service.startSession(of: user, request: visit.request, cookies: visit.cookies)
        return Redirect.to(purpose.next, cookies: [cookie])
    }
}
