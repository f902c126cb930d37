import AsyncIO
import AuthorizationServer
import HTTP
import OAuth

/// `login.providers`: every way to log in.
struct LoginSettings: Sendable {
    /// Services to which the browser is sent, in the order of the file.
    var providers: [ProviderSettings] = []
    /// Logins by the header of a proxy.
    var proxies: [TrustedProxyLogin] = []
    /// `type: local`.
    var hasLocalAccounts = true
}

/// A kind of identity provider; the raw value is `type`.
enum ProviderKind: String, Sendable, CaseIterable {
    case github, google, okta, entra, oidc, local
    case trustedProxy = "trusted-proxy"

    /// What a person calls it, unless the configuration says otherwise.
    var title: String {
        switch self {
        case .github: "GitHub"
        case .google: "Google"
        case .okta: "Okta"
        case .entra: "Microsoft"
        case .oidc: "your organization"
        case .local: "an account of this server"
        case .trustedProxy: "signed in by the proxy"
        }
    }
}

/// One entry of `login.providers` that sends the browser somewhere.
struct ProviderSettings: Sendable {
    /// `type`.
    var kind: ProviderKind
    /// `id`.
    var id: String
    /// `title`.
    var title: String
    /// `issuer`; for GitHub `base_url`.
    var issuer: HTTPURL
    /// `client_id`.
    var client: String
    /// `client_secret`, or `private_key` with `private_key_id`.
    var credential: ProviderCredential
    /// `scopes`.
    var scopes: [String]
    /// `user_claim`, `groups_claim` and what else tells providers apart.
    var claims: OpenIDClaims
    /// `allow`.
    var allowList: AllowList
    /// `callback_path`.
    var callbackPath: String
}
