package import AsyncIO
import HTTP
package import OAuth

/// Google, Okta, Microsoft Entra, and every other provider that OpenID Connect Discovery finds. They differ in the claims.
package struct OpenIDProvider: IdentityProvider {
    package let id: String
    package let title: String
    package let allowList: AllowList
    package let callbackPath: String
    package let loop: EventLoop
    private let relyingParty: RelyingParty
    private let scopes: [String]
    private let parameters: [(String, String)]
    private let claims: OpenIDClaims

    /// A provider that `relyingParty` is registered with. `parameters` are added to the authorization request.
    package init(
        id: String, title: String, allowList: AllowList, callbackPath: String, relyingParty: RelyingParty,
        scopes: [String], parameters: [(String, String)] = [], claims: OpenIDClaims, on loop: EventLoop
    ) {
        self.id = id
        self.title = title
        self.allowList = allowList
        self.callbackPath = callbackPath
        self.relyingParty = relyingParty
        self.scopes = scopes
        self.parameters = parameters
        self.claims = claims
        self.loop = loop
    }

    package var issuer: String { relyingParty.issuer.text }

    package func departure(
        _ trip: ProviderTrip, forcingLogin: Bool
    ) async throws(ProviderFailure) -> String {
        // A prompt of the configuration is the weaker wish.
        let more = forcingLogin ? parameters.filter { $0.0 != "prompt" } + [("prompt", "login")] : parameters
        return try await patiently { () async throws(ProviderFailure) -> String in
            try await relyingParty.authorizationURL(scopes: scopes, trip: trip, adding: more)
        }
    }

    package func arrival(
        code: String, sender: String?, trip: ProviderTrip
    ) async throws(ProviderFailure) -> VouchedIdentity {
        let login = try await patiently { () async throws(ProviderFailure) -> RelyingParty.Login in
            try await relyingParty.finish(code: code, sender: sender, trip: trip, needs: claims.needs)
        }
        guard let known = login.claims else { throw ProviderFailure(.untrusted, "\(issuer) said nothing") }
        return VouchedIdentity(claims.identity(known, issuer: issuer), credential: login.refreshToken)
    }

    package func askAgain(
        _ credential: String, about identity: ProviderIdentity
    ) async throws(ProviderFailure) -> VouchedIdentity {
        let login = try await patiently { () async throws(ProviderFailure) -> RelyingParty.Login in
            try await relyingParty.askAgain(credential, about: identity.subject, needs: claims.needs)
        }
        let now = login.claims.map { claims.identity($0, issuer: issuer) } ?? identity
        return VouchedIdentity(now, credential: login.refreshToken)
    }
}
