import OAuth

/// What the checks of an authorization request work on, and what they leave behind.
struct AuthorizationDraft {
    /// The request.
    let parameters: AuthorizationParameters
    /// Who may use what.
    let resourcePolicy: ResourcePolicy
    /// Whether it came by `/par`.
    var isPushed = false
    /// Whether it has to.
    var requiresPush = false
    /// Left by `CodeChallengeCheck`.
    var codeChallenge: String?
    /// Left by `KeyThumbprintCheck`.
    var keyThumbprint: String?
    /// Left by `ResourceCheck`.
    var resources: [GrantedResource] = []
    /// Left by `ScopeCheck`.
    var scope: Scope?
    /// Left by `PromptCheck`.
    var prompt = Prompt.none
}

/// One clause about authorization requests.
protocol AuthorizationCheck: Sendable {
    /// Refuses the request, or notes what it found. Errors go to the client: it is proven by now.
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError)
}

/// The specification of an authorization request, in the order in which errors win.
enum AuthorizationChecks {
    static let specification: [any AuthorizationCheck] = [
        RepeatedParameterCheck(),  // OAuth 2.1 §3.1
        StateCheck(),  // OAuth 2.1 §4.1.1
        RequestObjectCheck(),  // RFC 9101 §6: not supported
        PushedRequestCheck(),  // RFC 9126 §5
        ResponseTypeCheck(),  // OAuth 2.1 §4.1.1
        GrantTypeCheck(),  // OAuth 2.1 §4.1.2.1
        ResponseModeCheck(),  // OAuth 2.0 Multiple Response Types §2.1
        CodeChallengeCheck(),  // RFC 7636 §4.4.1, OAuth 2.1 §4.1.1
        KeyThumbprintCheck(),  // RFC 9449 §10
        ResourceCheck(),  // RFC 8707 §2
        ScopeCheck(),  // OAuth 2.1 §3.2.2.1
        PromptCheck(),  // OpenID Connect Core §3.1.2.1
    ]

    /// Runs them all.
    static func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        for check in specification { try check.apply(to: &draft) }
    }
}
