import OAuth

/// OAuth 2.1 §3.2.2.1: every scope asked for belongs to a resource asked for. None asked for means all of them, which the
/// consent page lists.
struct ScopeCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        let offered = draft.resourcePolicy.scopes(of: draft.resources)
        guard let text = draft.parameters.first("scope") else {
            draft.scope = offered
            return
        }
        let requested = try Scope(parsing: text)
        let allowed = Set(offered.tokens + ResourcePolicy.serverScopes)
        guard requested.tokens.allSatisfy(allowed.contains) else {
            throw OAuthError(.invalidScope, "a requested scope is not offered by the requested resource")
        }
        draft.scope = requested
    }
}
