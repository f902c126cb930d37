import OAuth

/// What a client asks of the pages (OpenID Connect Core §3.1.2.1).
struct Prompt: OptionSet {
    let rawValue: Int
    /// Sign in again even when signed in.
    static let login = Prompt(rawValue: 1)
    /// Ask again even when a consent is remembered.
    static let consent = Prompt(rawValue: 2)
    /// Show nothing.
    static let silent = Prompt(rawValue: 4)
    static let none: Prompt = []
}

/// OpenID Connect Core §3.1.2.1: `none` stands alone; values that are not known are ignored.
struct PromptCheck: AuthorizationCheck {
    func apply(to draft: inout AuthorizationDraft) throws(OAuthError) {
        let words = (draft.parameters.first("prompt") ?? "").split(separator: " ")
        for word in words {
            switch word {
            case "login", "select_account": draft.prompt.insert(.login)
            case "consent": draft.prompt.insert(.consent)
            case "none": draft.prompt.insert(.silent)
            default: break
            }
        }
        if draft.prompt.contains(.silent), words.count > 1 {
            throw OAuthError(.invalidRequest, "prompt=none excludes other values")
        }
    }
}
