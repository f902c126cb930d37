import HTTP
import OAuth

/// What a login is for: an authorization request, or nothing but itself.
enum LoginPurpose {
    case authorization(AuthorizationFlow.Step)
    case plain(browserSecret: String, isNew: Bool)

    private static let plainSeconds: Int64 = 3600

    /// Finds it by the transaction's handle. A plain login needs the cookie of its page, unless the page is shown now.
    static func find(_ handle: String?, visit: PageVisit, startsAnew: Bool) async throws -> LoginPurpose {
        if let handle { return .authorization(try await visit.flow.step(handle)) }
        if let secret = visit.cookies.plainLogin(in: visit.request) {
            return .plain(browserSecret: secret, isNew: false)
        }
        guard startsAnew else { throw AuthorizationRefusal.forgedForm }
        return .plain(browserSecret: IssuedSecret.make(.transaction).text, isNew: true)
    }

    /// The transaction's handle, when it is for an authorization request.
    var handle: String? {
        guard case .authorization(let step) = self else { return nil }
        return step.handle
    }

    /// Whether the client asked for a fresh login.
    var forcesLogin: Bool {
        guard case .authorization(let step) = self else { return false }
        return step.pending.forcesLogin
    }

    /// What the form's token is bound to.
    var formPurpose: String {
        switch self {
        case .authorization(let step): "login:" + step.handle
        case .plain: "login"
        }
    }

    /// The secret in the browser's cookie.
    var browserSecret: String {
        switch self {
        case .authorization(let step): step.browserSecret
        case .plain(let secret, _): secret
        }
    }

    /// Where it goes on after the login.
    var next: String {
        switch self {
        case .authorization(let step): "/consent?transaction=" + step.handle
        case .plain: "/login"
        }
    }

    /// Where it goes on when the login has been done already. Whoever comes back from a provider's page without an
    /// answer may choose again.
    var alreadyDone: String? {
        guard case .authorization(let step) = self, step.transaction.stage == .consent else { return nil }
        return next
    }

    /// Cookies that the page has to set.
    func newCookies(_ visit: PageVisit) -> [String] {
        guard case .plain(let secret, true) = self else { return [] }
        return [visit.cookies.settingPlainLogin(secret, seconds: LoginPurpose.plainSeconds)]
    }

    /// The login page.
    func page(name: String, problem: String?) -> Page {
        var page = LoginPage(formToken: FormToken.make(for: formPurpose, browserSecret: browserSecret))
        page.name = DisplayText.clean(name)
        page.problem = problem
        if case .authorization(let step) = self {
            page.clientName = step.redirect.client.displayName
            page.transaction = step.handle
            page.formTargets = [step.redirect.formTarget]
        }
        return page.page
    }
}
