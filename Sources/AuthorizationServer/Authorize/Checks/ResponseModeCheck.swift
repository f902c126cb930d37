import OAuth

/// OAuth 2.0 Multiple Response Types §2.1: the answer travels in the query and nowhere else.
struct ResponseModeCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard let mode = draft.parameters.first("response_mode") else { return }
        guard mode == "query" else { throw OAuthError(.invalidRequest, "the only response_mode is query") }
    }
}
