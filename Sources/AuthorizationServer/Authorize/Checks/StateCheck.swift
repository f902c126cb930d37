import OAuth

/// OAuth 2.1 §4.1.1: `state` is opaque to us and comes back as it was; only its size is bounded.
struct StateCheck: AuthorizationCheck {
    private static let maximumBytes = 2048

    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard let state = draft.parameters.first("state") else { return }
        guard state.utf8.count <= StateCheck.maximumBytes else {
            throw OAuthError(.invalidRequest, "state is longer than \(StateCheck.maximumBytes) bytes")
        }
    }
}
