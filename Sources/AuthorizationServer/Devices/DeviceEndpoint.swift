import HTTP
import OAuth
import Telemetry

/// `/device` (RFC 8628 §3.3): a person types the code that a device shows, and goes on to sign in and decide.
///
/// The sign-in is a transaction like any other, tied to this browser. A link can fill the code in, never send it.
struct DeviceEndpoint: HTTPResponder {
    static let path = "/device"
    private static let formPurpose = "device"
    private static let cookieSeconds: Int64 = 3600

    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, DeviceEndpoint.path, self)
        router.on(.post, DeviceEndpoint.path, self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            return request.method == .post ? try await submit(visit, visit.form(body)) : try show(visit)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func show(_ visit: PageVisit) throws -> HTTPResponse {
        let typed = try visit.query("user_code").flatMap { UserCode(typed: $0) }
        let known = visit.cookies.plainLogin(in: visit.request)
        let secret = known ?? IssuedSecret.make(.transaction).text
        let cookies =
            known == nil ? [visit.cookies.settingPlainLogin(secret, seconds: DeviceEndpoint.cookieSeconds)] : []
        return page(secret, code: typed?.text ?? "").response(.ok, cookies: cookies)
    }

    private func submit(_ visit: PageVisit, _ form: PostedForm) async throws -> HTTPResponse {
        guard let secret = visit.cookies.plainLogin(in: visit.request) else { throw AuthorizationRefusal.forgedForm }
        try form.verify(purpose: DeviceEndpoint.formPurpose, browserSecret: secret)
        // Before the code is looked at, right or wrong: guesses are counted, not answers (§5.1).
        if let seconds = service.deviceLimiter.take(visit.request.remoteAddress, at: service.now) {
            service.metrics.reached(.deviceCodes)
            throw AuthorizationRefusal.tooManyRequests(seconds: seconds)
        }
        let typed = try form.value("user_code") ?? ""
        guard let code = UserCode(typed: typed),
            let device = try await service.store.deviceAuthorization(userCode: code.digest),
            device.stage == .pending, service.now < device.expiresAt
        else {
            return page(secret, code: DisplayText.clean(typed, limit: 20), isWrong: true).response(.badRequest)
        }
        return try await begin(device, code, visit)
    }

    private func begin(
        _ device: DeviceAuthorization, _ code: UserCode, _ visit: PageVisit
    ) async throws -> HTTPResponse {
        let pending = PendingAuthorization(
            device: DevicePairing(id: device.id, userCode: code.text), client: device.client, scope: device.scope,
            resources: device.resources, issuer: device.issuer)
        let redirect = try await ProvenRedirect.resume(
            pending, among: service.clients, for: visit.request.remoteAddress)
        let signedIn = try await service.signedInUser(visit.request, cookies: visit.cookies)
        return try await visit.flow.begin(pending, redirect, prompt: .none, signedIn: signedIn)
    }

    private func page(_ secret: String, code: String, isWrong: Bool = false) -> Page {
        DevicePage(
            formToken: FormToken.make(for: DeviceEndpoint.formPurpose, browserSecret: secret), code: code,
            isWrong: isWrong
        ).page
    }
}
