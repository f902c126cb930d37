package import AsyncIO
import HTTP
package import OAuth

/// GitHub and GitHub Enterprise Server: OAuth without OpenID Connect, so the REST interface says who it is.
package struct GitHubProvider: IdentityProvider {
    package let id: String
    package let title: String
    package let allowList: AllowList
    package let callbackPath: String
    package let loop: EventLoop
    /// `https://github.com`, or the address of an Enterprise Server.
    package let issuer: String
    private let endpoints: GitHubEndpoints
    private let exchange: CodeExchange
    private let documents: OutboundDocuments

    /// GitHub at `endpoints`, with which `exchange` is registered.
    package init(
        id: String, title: String, allowList: AllowList, callbackPath: String, endpoints: GitHubEndpoints,
        exchange: CodeExchange, documents: OutboundDocuments, on loop: EventLoop
    ) {
        self.id = id
        self.title = title
        self.allowList = allowList
        self.callbackPath = callbackPath
        self.endpoints = endpoints
        issuer = endpoints.base.origin
        self.exchange = exchange
        self.documents = documents
        self.loop = loop
    }

    private var asksForOrganizations: Bool { allowList.names(.organization) || allowList.names(.team) }

    private var scopes: [String] { ["read:user", "user:email"] + (asksForOrganizations ? ["read:org"] : []) }

    package func departure(
        _ trip: ProviderTrip, forcingLogin: Bool
    ) async throws(ProviderFailure) -> String {
        exchange.authorizationURL(
            try endpoints.exchange(), scopes: scopes, trip: trip,
            adding: forcingLogin ? [("prompt", "select_account")] : [])
    }

    package func arrival(
        code: String, sender: String?, trip: ProviderTrip
    ) async throws(ProviderFailure) -> VouchedIdentity {
        guard sender.map({ $0.utf8.elementsEqual(issuer.utf8) }) ?? true else {
            throw ProviderFailure(.untrusted, "the answer came from another issuer")
        }
        return try await patiently { () async throws(ProviderFailure) -> VouchedIdentity in
            let tokens = try await exchange.redeem(code, endpoints.exchange(), trip: trip)
            let identity = try await identity(token: tokens.accessToken)
            return VouchedIdentity(identity, credential: GitHubCredential(tokens).text)
        }
    }

    package func askAgain(
        _ credential: String, about identity: ProviderIdentity
    ) async throws(ProviderFailure) -> VouchedIdentity {
        try await patiently { () async throws(ProviderFailure) -> VouchedIdentity in
            var credential = GitHubCredential(text: credential)
            var token = credential.token
            if credential.isRefreshToken {
                let tokens = try await exchange.refresh(credential.token, endpoints.exchange())
                token = tokens.accessToken
                if tokens.refreshToken != nil { credential = GitHubCredential(tokens) }
            }
            let now = try await self.identity(token: token)
            guard now.subject.utf8.elementsEqual(identity.subject.utf8) else {
                throw ProviderFailure(.untrusted, "GitHub's token is of another user now")
            }
            return VouchedIdentity(now, credential: credential.text)
        }
    }

    private func identity(token: String) async throws(ProviderFailure) -> ProviderIdentity {
        let api = GitHubAPI(base: try GitHubEndpoints.url(endpoints.api), documents: documents, token: token)
        let user = try await api.user()
        let email = try await api.verifiedEmail()
        var facts = [AccessKey(.user, ignoringCase: user.login)]
        var groups: [String] = []
        if asksForOrganizations {
            let organizations = try await api.organizations()
            facts += organizations.map { AccessKey(.organization, ignoringCase: $0) }
            let teams = allowList.names(.team) ? try await api.teams() : []
            facts += teams.map { AccessKey(.team, ignoringCase: $0) }
            // Anybody may found an organization called Admin, so these groups carry where they come from.
            groups = (organizations + teams).map { "\(id):\($0)" }
        }
        return ProviderIdentity(
            issuer: issuer, subject: String(user.id), name: user.login, email: email, facts: facts, groups: groups)
    }
}

/// With which GitHub can be asked again: the refresh token of a GitHub App, or the token of an OAuth App, which lives until
/// somebody takes it back. One letter in front tells them apart.
private struct GitHubCredential {
    let isRefreshToken: Bool
    let token: String

    init(_ tokens: ProviderTokens) {
        isRefreshToken = tokens.refreshToken != nil
        token = tokens.refreshToken ?? tokens.accessToken
    }

    init(text: String) {
        isRefreshToken = text.hasPrefix("r")
        token = String(text.dropFirst())
    }

    var text: String { (isRefreshToken ? "r" : "a") + token }
}
