import OAuth

/// OAuth 2.1 §4.1.2.1: a client without the grant type that a code is for has no use for one.
struct GrantTypeCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard draft.resourcePolicy.client?.metadata.grantTypes.contains("authorization_code") ?? true else {
            throw OAuthError(.unauthorizedClient, "this client is not registered for the grant type authorization_code")
        }
    }
}
