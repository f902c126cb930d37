import AuthorizationServer
import HTTP
import OAuth

/// One entry of `oauth.identity_assertions`: an identity provider whose ID-JAGs are taken.
struct IdentityAssertionSettings: Sendable, Equatable {
    /// `id`, or the id of `provider`.
    var id: String
    /// `issuer`, or that of `provider`.
    var issuer: HTTPURL
    /// `jwks_uri`; nil means discovery.
    var keySetURI: HTTPURL?
    /// `clients`; nil means `["*"]`.
    var clients: Set<ClientID>?
    /// `tenant`.
    var tenant: String?
    /// `user_claim` and `groups_claim`, or those of `provider`.
    var claims: OpenIDClaims
    /// `allow`, or that of `provider`.
    var allowList: AllowList
}
