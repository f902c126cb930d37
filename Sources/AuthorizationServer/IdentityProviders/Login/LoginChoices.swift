import HTTP
import OAuth

/// The page on which a user chooses how to sign in. For an authorization request it is the consent page as well: no
/// provider hears of a request that nobody has allowed (U04), because it may know the user and send them straight back.
struct LoginChoices {
    let service: AuthorizationService

    /// The page.
    func page(_ purpose: LoginPurpose, visit: PageVisit, problem: String?) throws -> Page {
        let form = SignInForm(
            choices: choices(visit), localLink: service.providers.hasLocalAccounts ? localLink(purpose) : nil,
            formToken: FormToken.make(for: purpose.formPurpose, browserSecret: purpose.browserSecret),
            transaction: purpose.handle)
        guard case .authorization(let step) = purpose else {
            return SignInPage(form: form, problem: problem, formTargets: formTargets).page
        }
        var page = ConsentEndpoint(service: service).page(step, userName: nil, visit: visit)
        page.signIn = form
        page.problem = problem
        page.formTargets += formTargets
        return page.page
    }

    private func choices(_ visit: PageVisit) -> [SignInForm.Choice] {
        let proxies = service.providers.proxyLogins.compactMap { login in
            TrustedProxyVisit(login: login, visit: visit).identity.map { identity in
                SignInForm.Choice(id: login.id, title: "as \(DisplayText.clean(identity.name)) (\(login.title))")
            }
        }
        return proxies + service.providers.providers.map { SignInForm.Choice(id: $0.id, title: "with \($0.title)") }
    }

    private func localLink(_ purpose: LoginPurpose) -> String {
        "/login?with=password" + (purpose.handle.map { "&transaction=\($0)" } ?? "")
    }

    // Chromium applies `form-action` to every hop after the POST: from the provider to whatever it signs in with, and back.
    // Which hosts those are, nobody here can know, so https is allowed; a provider on this machine is named.
    private var formTargets: [String] {
        let local = service.providers.providers.map(\.issuer).compactMap { issuer in
            (try? HTTPURL(issuer)).flatMap { $0.scheme == .http ? $0.origin : nil }  // an issuer that is no URL is none
        }
        return ["https:"] + local
    }
}
