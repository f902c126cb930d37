import OAuth

/// RFC 9101 §6.1: request objects are not supported, and a `request_uri` is never fetched (A17).
struct RequestObjectCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        if draft.parameters.first("request") != nil {
            throw OAuthError(.requestNotSupported, "request objects are not supported")
        }
        if draft.parameters.first("request_uri") != nil {
            throw OAuthError(.requestURINotSupported, "request_uri is not supported")
        }
    }
}
