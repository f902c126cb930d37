import OAuth

/// RFC 7636 §4.4.1 and OAuth 2.1 §4.1.1: every client, public or not, sends a challenge by S256 (A04). A missing method
/// means `plain`, which is refused like any other.
struct CodeChallengeCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        guard let challenge = draft.parameters.first("code_challenge") else {
            throw OAuthError(.invalidRequest, "code_challenge is missing: PKCE is required")
        }
        guard draft.parameters.first("code_challenge_method") == "S256" else {
            throw OAuthError(.invalidRequest, "code_challenge_method must be S256")
        }
        guard PKCE.Challenge(s256: challenge) != nil else {
            throw OAuthError(.invalidRequest, "code_challenge is not the base64url form of a SHA-256 digest")
        }
        draft.codeChallenge = challenge
    }
}
