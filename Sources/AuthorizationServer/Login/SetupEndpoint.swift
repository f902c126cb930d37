import Crypto
import HTTP
import OAuth
import Telemetry

/// `/setup`: a one-time link sets a password. The link itself is the proof, so the form needs no other.
struct SetupEndpoint: HTTPResponder {
    let service: AuthorizationService

    /// Puts it on its path.
    func register(on router: inout HTTPRouter) {
        router.on(.get, "/setup", self)
        router.on(.post, "/setup", self)
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let visit = try PageVisit(request, service: service)
            if request.method == .post { return try await set(visit, visit.form(body)) }
            let (secret, user) = try await find(visit.query("link"))
            return SetupPage(name: user.name, link: secret).page.response(.ok)
        } catch {
            return service.page(for: error, request: request)
        }
    }

    private func find(_ secret: String?) async throws -> (secret: String, user: UserRecord) {
        guard let secret, let link = try await service.store.link(SecretDigest(of: secret)), link.usedAt == nil,
            service.now < link.expiresAt, let user = try await service.store.user(link.user), !user.isDisabled
        else { throw SetupRefusal() }
        return (secret, user)
    }

    private func set(_ visit: PageVisit, _ form: PostedForm) async throws -> HTTPResponse {
        let (secret, user) = try await find(form.value("link"))
        let password = try form.value("password") ?? ""
        var page = SetupPage(name: user.name, link: secret)
        page.problem = PasswordRule.problem(with: password, name: user.name)
        if page.problem == nil, try form.value("repeated") != password {
            page.problem = "The two passwords are not the same."
        }
        guard page.problem == nil else { return page.page.response(.badRequest) }
        let hash = try await PasswordThreads.run { try PasswordHash.hash(Array(password.utf8)) }
        let use = try await service.store.firstUse(
            of: SecretDigest(of: secret), settingPassword: hash, at: service.now)
        guard case .first = use else { throw SetupRefusal() }
        service.note(
            .userChanged, outcome: .success, user: user.id, request: visit.request, detail: [("change", "password")])
        let cookie = try await service.startSession(of: user, request: visit.request, cookies: visit.cookies)
        return Redirect.to("/login", cookies: [cookie])
    }
}

/// A setup link that does not work, whatever the reason.
struct SetupRefusal: Error {
    /// The page.
    var message: MessagePage {
        MessagePage(
            title: "This link does not work any more",
            explanation: "A setup link works once and for a limited time, and a newer link replaces an older one.",
            wayForward: "Ask for a new one: `sallyport user passwd NAME` on the server, or restart it if nobody has "
                + "signed in yet.")
    }
}
