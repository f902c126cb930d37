import OAuth

/// OAuth 2.1 §3.2.2.1: every scope asked for belongs to a resource asked for. None asked for means all of them, which the
/// consent page lists; so do scopes that a client announced when it registered and that mean nothing here, and those of the
/// access policy: what a user holds of these follows from their claims, which the new token has as they are now.
struct ScopeCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        let offered = draft.resourcePolicy.scopes(of: draft.resources)
        guard let text = draft.parameters.first("scope") else {
            draft.scope = offered
            return
        }
        let requested = try Scope(parsing: text)
        let announced = draft.resourcePolicy.client?.announcedScope
        let known = requested.tokens.filter { offered.contains($0) || ResourcePolicy.serverScopes.contains($0) }
        let policys = draft.resourcePolicy.directory.policyScopes
        let isKnown: (String) -> Bool = {
            known.contains($0) || announced?.contains($0) == true || policys.contains($0)
        }
        guard requested.tokens.allSatisfy(isKnown) else {
            throw OAuthError(.invalidScope, "a requested scope is not offered by the requested resource")
        }
        let meansNothing = known.count < requested.tokens.count && !known.contains(where: offered.contains)
        draft.scope = Scope(tokens: meansNothing ? offered.tokens + known : known)
    }
}
