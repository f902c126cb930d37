import OAuth

/// RFC 9101 §6.1: request objects are not supported (A17). `RequestReference` deals with `request_uri` before a redirect is
/// proven.
struct RequestObjectCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard draft.parameters.first("request") == nil else {
            throw OAuthError(.requestNotSupported, "request objects are not supported")
        }
    }
}
