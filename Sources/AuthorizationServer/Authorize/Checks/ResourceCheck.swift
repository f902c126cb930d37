import OAuth

/// RFC 8707 §2: each `resource` is one of ours, absolute and without a fragment (A13). Absent, as from clients of
/// 2025-03-26: the only server, or all of ours, which the consent page lists.
struct ResourceCheck: AuthorizationCheck {
    private static let maximumCount = 32

    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        let requested = draft.parameters.all("resource")
        guard requested.count <= ResourceCheck.maximumCount else {
            throw OAuthError(.invalidTarget, "more than \(ResourceCheck.maximumCount) resources")
        }
        draft.resources = try draft.resourcePolicy.resolve(requested)
    }
}
