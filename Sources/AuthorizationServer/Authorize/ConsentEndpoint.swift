import HTTP
import OAuth
import Telemetry

/// `/consent`: the user decides, in the browser that began and logged in, by a POST of our own page (U02, U04).
struct ConsentEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/consent", self)
        router.on(.post, "/consent", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            return request.method == .post ? try await decide(visit, visit.form(body)) : try await show(visit)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func show(_ visit: PageVisit) async throws -> HTTPResponse {
        // A decision is never made by a link.
        guard try visit.query("decision") == nil, try visit.query("form_token") == nil else {
            throw AuthorizationRefusal.forgedForm
        }
        guard let handle = try visit.query("transaction") else { throw AuthorizationRefusal.transactionGone }
        let step = try await visit.flow.step(handle)
        guard step.transaction.stage == .consent else { return Redirect.to("/login?transaction=" + handle) }
        let user = try await user(of: step, visit: visit)
        if try await visit.flow.isRemembered(step.pending, step.redirect, user: user.id) {
            return try await visit.flow.approve(step, user: user.id)
        }
        return page(step, userName: DisplayText.clean(user.shownName), visit: visit).page.response(.ok)
    }

    private func decide(_ visit: PageVisit, _ form: PostedForm) async throws -> HTTPResponse {
        guard let handle = try form.value("transaction") else { throw AuthorizationRefusal.forgedForm }
        let step = try await visit.flow.step(handle)
        try form.verify(purpose: ConsentEndpoint.formPurpose(handle), browserSecret: step.browserSecret)
        let user = try await user(of: step, visit: visit)
        switch try form.value("decision") {
        case "allow": return try await visit.flow.approve(step, user: user.id)
        case "deny": return try await visit.flow.deny(step, user: user.id)
        default: throw AuthorizationRefusal.forgedForm
        }
    }

    // The browser must still be signed in as the user who logged in for this request: another account, a sign-out or a
    // disabled account in between ends it.
    private func user(of step: AuthorizationFlow.Step, visit: PageVisit) async throws -> UserRecord {
        guard let signedIn = try await service.signedInUser(visit.request, cookies: visit.cookies) else {
            throw AuthorizationRefusal.signedOut
        }
        guard signedIn.user.id == step.transaction.user else { throw AuthorizationRefusal.otherUser }
        return signedIn.user
    }

    /// The page for a request; without `userName` it goes on to a login.
    func page(_ step: AuthorizationFlow.Step, userName: String?, visit: PageVisit) -> ConsentPage {
        let policy = ResourcePolicy(origin: visit.origin, hosts: service.hosts, directory: service.resources)
        return ConsentPage(
            clientName: step.redirect.client.displayName, clientHost: step.redirect.client.publisher,
            client: step.pending.client,
            redirectHost: step.redirect.displayHost, isLocal: step.redirect.isLocal,
            deviceCode: step.pending.device?.userCode,
            documents: documents(of: step.redirect.client), userName: userName,
            servers: step.pending.resources.map { (policy.name(of: $0), $0) }, scope: step.pending.scope,
            lifetime: Lifetime.words(service.configuration.refreshTokenLifetime), transaction: step.handle,
            formToken: FormToken.make(
                for: ConsentEndpoint.formPurpose(step.handle), browserSecret: step.browserSecret),
            formTargets: [step.redirect.formTarget])
    }

    private func documents(of client: RegisteredClient) -> [(name: String, address: String)] {
        let all = [("Privacy policy", client.metadata.policyURI), ("Terms", client.metadata.termsOfServiceURI)]
        return all.compactMap { name, address in address.map { (name, $0) } }
    }

    private static func formPurpose(_ handle: String) -> String { "consent:" + handle }
}
