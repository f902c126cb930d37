import HTTP
import OAuth
import Telemetry

/// `/authorize` (OAuth 2.1 §3.1): proves client and redirect URI, runs the checks, and begins a login.
struct AuthorizationEndpoint: HTTPResponder {
    private static let maximumBytes = 32 * 1024

    let service: AuthorizationService

    /// Its own and that of servers that clients know already.
    static let paths = ["/authorize", "/oauth/authorize"]

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        for path in Self.paths {
            router.on(.get, path, self)
            router.on(.post, path, self)
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            // A client's page may post the request here from its own origin; nothing is done in the user's name yet.
            let origin = try service.openOrigin(of: request)
            try service.limitPages(request)
            let (parameters, isPushed) = try await RequestReference.resolve(read(request, body), in: service)
            let redirect = try await ProvenRedirect.prove(
                parameters, issuer: origin.description, among: service.clients, for: request.remoteAddress,
                isForbidden: service.isForbidden)
            return try await begin(parameters, isPushed: isPushed, redirect, origin: origin, request: request)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    // OAuth 2.1 §3.1 allows both methods; a POST with a query as well would hide half of the request from a reader.
    private func read(_ request: HTTPRequest, _ body: HTTPRequestBody) async throws -> AuthorizationParameters {
        do {
            guard request.method == .post else {
                return AuthorizationParameters(form: try request.queryParameters())
            }
            guard request.query == nil else { throw AuthorizationRefusal.unreadable }
            let bytes = try await body.collect(upTo: AuthorizationEndpoint.maximumBytes)
            return AuthorizationParameters(form: try FormParameters(parsing: bytes))
        } catch {
            throw AuthorizationRefusal.unreadable
        }
    }

    private func begin(
        _ parameters: AuthorizationParameters, isPushed: Bool, _ redirect: ProvenRedirect, origin: ServerOrigin,
        request: HTTPRequest
    ) async throws -> HTTPResponse {
        let cookies = BrowserCookies(origin: origin)
        let signedIn = try await service.signedInUser(request, cookies: cookies)
        do {
            let policy = ResourcePolicy(
                origin: origin, hosts: service.hosts, directory: service.resources, client: redirect.client)
            var draft = AuthorizationDraft(parameters: parameters, resourcePolicy: policy)
            draft.isPushed = isPushed
            draft.requiresPush = service.configuration.grants.requiresPushedRequests
            try AuthorizationChecks.apply(to: &draft)
            var pending = try PendingAuthorization(draft, redirect)
            pending.forcesLogin = draft.prompt.contains(.login)
            return try await AuthorizationFlow(service: service, origin: origin, request: request)
                .begin(pending, redirect, prompt: draft.prompt, signedIn: signedIn)
        } catch let error as OAuthError {
            return try await answer(error, redirect, signedIn: signedIn, request: request)
        }
    }

    // A03: nobody is sent to a client's address before they are signed in and have approved that client once. Until then
    // the error stands on our own page, with a link that says where it leads.
    private func answer(
        _ error: OAuthError, _ redirect: ProvenRedirect, signedIn: SignedInUser?, request: HTTPRequest
    ) async throws -> HTTPResponse {
        service.logger.info(
            "authorization request refused",
            ["request_id": .string(request.id.description), "error": .string(error.code.rawValue)])
        if let signedIn, try await hasApproved(redirect.client.id, user: signedIn.user.id) {
            return redirect.answer(error: error)
        }
        let message = MessagePage(
            title: "The application asked for something that cannot be",
            explanation: "\(redirect.client.displayName) made a mistake in its request: \(error.description).",
            wayForward: "You can tell it so; the answer goes to \(redirect.displayHost).",
            link: redirect.uri.isOutOfBand
                ? nil : ("Return to the application", redirect.location(error: error)))
        return message.page.response(.badRequest)
    }

    private func hasApproved(_ client: ClientID, user: UserID) async throws(StoreError) -> Bool {
        try await service.store.grants(of: user, at: service.now).contains { $0.client == client }
    }
}

extension PendingAuthorization {
    /// What the checks left behind, complete.
    init(_ draft: AuthorizationDraft, _ redirect: ProvenRedirect) throws(OAuthError) {
        guard let challenge = draft.codeChallenge, let scope = draft.scope, !draft.resources.isEmpty else {
            throw OAuthError(.serverError, "there is nothing here that could be authorized")
        }
        self.init(
            client: redirect.client.id, redirectURI: redirect.uri.text, state: redirect.state, scope: scope,
            resources: draft.resources.map(\.uri), codeChallenge: challenge, issuer: redirect.issuer,
            keyThumbprint: draft.keyThumbprint)
    }
}
