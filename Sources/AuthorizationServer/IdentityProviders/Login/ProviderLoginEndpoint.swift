import HTTP
import OAuth
import Telemetry

/// `POST /login/{provider}`: the user's decision, by a form of our own page in the browser that began (U02, U04). Only it
/// sends anybody to a provider, and only from here on there is a cookie that fits a callback (I01).
struct ProviderLoginEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.post, "/login/{provider}", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            let form = try await visit.form(body)
            let purpose = try await LoginPurpose.find(form.value("transaction"), visit: visit, startsAnew: false)
            try form.verify(purpose: purpose.formPurpose, browserSecret: purpose.browserSecret)
            if let next = purpose.alreadyDone { return Redirect.to(next) }
            if case .authorization(let step) = purpose, try form.value("decision") == "deny" {
                return try await visit.flow.denyBeforeLogin(step)
            }
            guard try form.value("decision") == "allow" else { throw AuthorizationRefusal.forgedForm }
            return try await go(purpose, visit: visit, to: request.parameters["provider"] ?? "")
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func go(_ purpose: LoginPurpose, visit: PageVisit, to id: String) async throws -> HTTPResponse {
        if let login = service.providers.proxyLogins.first(where: { $0.id.utf8.elementsEqual(id.utf8) }) {
            return try await TrustedProxyVisit(login: login, visit: visit).enter(purpose)
        }
        guard let provider = service.providers.provider(id) else {
            return HTTPResponse.text(.notFound, "There is nothing at this address.")
        }
        let ticket = TripTicket.issue(
            provider: provider.id, origin: visit.origin.description, handle: purpose.handle, at: service.now)
        let trip = try ticket.trip(redirectURI: visit.origin.description + provider.callbackPath)
        let location: String
        do throws(ProviderFailure) {
            location = try await provider.departure(trip, forcingLogin: purpose.forcesLogin)
        } catch {
            service.noteFailure(of: provider, error, request: visit.request)
            let page = try LoginChoices(service: service).page(
                purpose, visit: visit,
                problem: "\(provider.title) does not answer right now. Try again in a minute.")
            return page.response(error.code == .unavailable ? .serviceUnavailable : .badGateway)
        }
        if case .authorization(let step) = purpose {
            try await visit.flow.advance(step, from: step.transaction.stage, to: .identityProvider)
        }
        var cookies = visit.cookies.removingSurplusTrips(in: visit.request)
        cookies.append(visit.cookies.settingTrip(ticket.secret, state: ticket.state))
        return Redirect.to(location, cookies: cookies)
    }
}

extension AuthorizationService {
    /// Says in the log why a provider was of no use.
    func noteFailure(of provider: any IdentityProvider, _ failure: ProviderFailure, request: HTTPRequest) {
        logger.error(
            "identity provider failed",
            [
                "request_id": .string(request.id.description), "provider": .string(provider.id),
                "code": .string(failure.code.rawValue), "detail": .string(failure.detail),
            ])
    }
}
