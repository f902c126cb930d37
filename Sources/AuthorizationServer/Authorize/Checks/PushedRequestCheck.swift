import OAuth

/// RFC 9126 §5: where the operator wants every request pushed, one that comes by the browser is refused.
struct PushedRequestCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard draft.isPushed || !draft.requiresPush else {
            throw OAuthError(.invalidRequest, "authorization requests have to be pushed to the /par endpoint first")
        }
    }
}
