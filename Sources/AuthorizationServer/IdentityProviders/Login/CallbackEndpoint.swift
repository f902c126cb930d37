import HTTP
import OAuth
import Telemetry

/// `/callback/{provider}` and `/callback`: where providers send the browser back to.
///
/// In order: the ticket (browser, provider, origin, time), the transaction of that browser, first use; only then is
/// anything that the answer carries sent anywhere (I01, I02, I03).
struct CallbackEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/callback", self)
        router.on(.get, "/callback/{provider}", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            guard let provider = service.providers.providers.first(where: { $0.callbackPath == request.path }) else {
                return HTTPResponse.text(.notFound, "There is nothing at this address.")
            }
            return try await arrive(visit, provider)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func arrive(_ visit: PageVisit, _ provider: any IdentityProvider) async throws -> HTTPResponse {
        guard let state = try visit.query("state") else { throw AuthorizationRefusal.forgedForm }
        guard let secret = visit.cookies.trip(state: state, in: visit.request),
            let ticket = TripTicket.present(
                state: state, secret: secret, provider: provider.id, origin: visit.origin.description)
        else { throw AuthorizationRefusal.otherBrowser }
        guard service.now < ticket.expires else { throw AuthorizationRefusal.transactionGone }
        var step: AuthorizationFlow.Step?
        if let handle = ticket.handle {
            step = try await visit.flow.step(handle)
            guard step?.transaction.stage == .identityProvider else { throw AuthorizationRefusal.transactionOver }
        }
        let key = SecretDigest(oneTime: "provider-state", provider.id, state)
        guard try await service.store.firstUse(key, until: ticket.expires, at: service.now) else {
            throw AuthorizationRefusal.transactionOver
        }
        let arrival = ProviderArrival(
            service: service, visit: visit, provider: provider, step: step,
            cookie: visit.cookies.removingTrip(state: state))
        if let error = try visit.query("error") { return try await arrival.refused(by: error) }
        guard let code = try visit.query("code") else { return try await arrival.unbelievable("no code") }
        let trip = try ticket.trip(redirectURI: visit.origin.description + provider.callbackPath)
        let sender = try visit.query("iss")
        let vouched: VouchedIdentity
        do throws(ProviderFailure) {
            vouched = try await provider.arrival(code: code, sender: sender, trip: trip)
        } catch {
            service.noteFailure(of: provider, error, request: visit.request)
            return try await arrival.failed(error)
        }
        return try await arrival.welcome(vouched)
    }
}
