import OAuth

/// OAuth 2.1 §3.1: parameters must not be included more than once (A10). Unknown ones are ignored, `resource` may repeat.
struct RepeatedParameterCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        for name in AuthorizationParameters.singular where draft.parameters.isRepeated(name) {
            throw OAuthError(.invalidRequest, "\(name) is there more than once")
        }
    }
}
