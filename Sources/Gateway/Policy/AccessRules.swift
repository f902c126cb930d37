/// `access` of the configuration: what claims are worth, and what that opens.
package struct AccessRules: Sendable, Equatable {
    /// How many of a rule's scopes are needed.
    package enum Mode: String, Sendable, CaseIterable {
        case any, all
    }

    /// The mapping that everybody has.
    package static let everybody = "*"

    /// Which claims of a token are looked at.
    package var claims = ["groups"]
    /// The scopes that `CLAIM:VALUE` gives, or everybody has.
    package var mappings: [String: [String]] = [:]
    /// The scopes that `SERVER:NAME` needs, for tools, and for prompts and resources where these have no rules of their own.
    package var permissions: [String: [String]] = [:]
    /// The same for prompts alone.
    package var prompts: [String: [String]]?
    /// The same for resources alone, by their URIs.
    package var resources: [String: [String]]?
    package var mode = Mode.any
    /// The scope that is needed for what no rule names; nil means that nobody may use it.
    package var defaultScope: String?

    /// Rules that let nobody do anything.
    package init() {}
}

/// What a rule can be about.
package enum AccessKind: String, Sendable, Hashable, CaseIterable {
    case tool, prompt, resource
}

/// Whether something may be used, and why.
package enum AccessDecision: Sendable, Hashable {
    case allowed(AccessBasis)
    /// These scopes would open it: any of them, or all, as the mode says.
    case insufficient([String], AccessBasis)
    /// Nothing would: it does not exist.
    case hidden(AccessBasis)

    package var isAllowed: Bool { if case .allowed = self { true } else { false } }
}

/// What decided.
package enum AccessBasis: Sendable, Hashable {
    /// The rule with this pattern.
    case rule(String)
    case defaultScope
    /// No rule names it, and there is no default.
    case silence
}
