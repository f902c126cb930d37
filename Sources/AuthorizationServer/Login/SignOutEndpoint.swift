import HTTP
import OAuth
import Telemetry

/// `/logout`: ends the browser's session at the server, not only in the browser (U05); on demand every other one too.
struct SignOutEndpoint: HTTPResponder {
    /// What the form's token is bound to.
    static let formPurpose = "logout"

    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/logout", self)
        router.on(.post, "/logout", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            // A link signs nobody out; the page it leads to has the button.
            guard request.method == .post else { return Redirect.to("/account") }
            guard let secret = visit.cookies.session(in: request) else { return SignOutEndpoint.goodbye(visit) }
            let form = try await visit.form(body)
            try form.verify(purpose: SignOutEndpoint.formPurpose, browserSecret: secret)
            let isEverywhere = try form.value("everywhere") == "yes"
            let signedIn = try await service.signedInUser(request, cookies: visit.cookies)
            try await service.store.end(SecretDigest(of: secret))
            if isEverywhere, let user = signedIn?.user.id {
                _ = try await service.store.endSessions(of: user, except: nil)
            }
            service.note(
                .signedOut, outcome: .success, user: signedIn?.user.id, request: request,
                detail: isEverywhere ? [("sessions", "all")] : [])
            return SignOutEndpoint.goodbye(visit)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private static func goodbye(_ visit: PageVisit) -> HTTPResponse {
        let message = MessagePage(
            title: "You are signed out", explanation: "This browser has no access any more.",
            wayForward: "Applications that you allowed keep their access.", link: ("Sign in again", "/login"))
        return message.page.response(.ok, cookies: [visit.cookies.removingSession()])
    }
}
