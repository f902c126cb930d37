import HTTP
import OAuth

/// What a token request asks for, never more than the grant allows (A13; RFC 8707 §2.2, OAuth 2.1 §4.3.1).
struct TokenNarrowing {
    /// `aud` of the access token.
    let resources: [String]
    /// `scope` of the access token.
    let scope: Scope

    /// Everything that was granted.
    init(all grant: GrantRecord) {
        resources = grant.resources
        scope = grant.scope
    }

    /// Compares the request with the grant.
    init(_ request: TokenRequest, grant: GrantRecord, service: AuthorizationService) throws(OAuthError) {
        resources = try TokenNarrowing.resources(request.resources, grant: grant)
        guard let text = request["scope"] else {
            scope = grant.scope
            return
        }
        let requested = try Scope(parsing: text)
        guard grant.scope.contains(requested) else {
            throw OAuthError(.invalidScope, "the scope is wider than what was granted")
        }
        scope = requested
    }

    /// What is left of it where the operator narrowed what the client may have since the user decided: a grant outlives a
    /// configuration (A13).
    func bounded(
        by client: RegisteredClient, grant: GrantRecord, directory: any ProtectedResourceDirectory
    ) throws(OAuthError) -> TokenNarrowing {
        var (resources, scope) = (resources, scope)
        if let allowed = client.allowedResources {
            let permitted = directory.all.filter { resource in
                allowed.contains { $0.utf8.elementsEqual(resource.bindingName.utf8) }
            }
            resources = resources.filter { uri in
                permitted.contains { $0.identifier(at: grant.issuer).utf8.elementsEqual(uri.utf8) }
            }
        }
        if let allowed = client.allowedScope {
            scope = Scope(
                tokens: scope.tokens.filter { allowed.contains($0) || ResourcePolicy.serverScopes.contains($0) })
        }
        guard !resources.isEmpty else {
            throw OAuthError(.invalidTarget, "this client may not use that resource any more")
        }
        return TokenNarrowing(resources: resources, scope: scope)
    }

    private init(resources: [String], scope: Scope) {
        self.resources = resources
        self.scope = scope
    }

    private static func resources(_ requested: [String], grant: GrantRecord) throws(OAuthError) -> [String] {
        guard !requested.isEmpty else { return grant.resources }
        var result: [String] = []
        for text in requested {
            let indicator = try ResourceIndicator(parsing: text)
            guard let granted = grant.resources.first(where: { indicator.matches($0) }) else {
                throw OAuthError(.invalidTarget, "the resource was not granted")
            }
            if !result.contains(where: { $0.utf8.elementsEqual(granted.utf8) }) { result.append(granted) }
        }
        return result
    }
}
