import OAuth

/// OAuth 2.1 §4.1.1: `code` is the only response type.
struct ResponseTypeCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard let type = draft.parameters.first("response_type") else {
            throw OAuthError(.invalidRequest, "response_type is missing")
        }
        guard type == "code" else {
            throw OAuthError(.unsupportedResponseType, "the only response_type is code")
        }
    }
}
