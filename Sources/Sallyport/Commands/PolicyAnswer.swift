import Gateway
import JSON

/// Yes or no, and why.
struct PolicyAnswer {
    enum Reason: String {
        /// There is no `access` block.
        case noPolicy = "no_policy"
        case rule
        case defaultScope = "default_scope"
        /// No rule fits.
        case silence
        /// `tools` of the server hides it from everybody.
        case tools
        /// The token has not all of the resource's `required_scopes`.
        case requiredScopes = "required_scopes"
    }

    let subject: PolicySubject
    var isAllowed: Bool
    var reason: Reason
    var rule: String?
    /// Where the rule stands, or is missing, when not in `access.permissions`.
    var chapter: String?
    var mode = AccessRules.Mode.any
    /// The scopes that are needed, those of them that are missing, and all that are held.
    var needs: [String] = []
    var missing: [String] = []
    var holds: [String] = []

    /// Why, in words.
    var because: String {
        let scopes = needs.joined(separator: mode == .any ? " or " : " and ")
        switch reason {
        case .noPolicy: return "there is no access block, so everybody may use everything"
        case .rule where needs.isEmpty: return "the rule \"\(rule ?? "")\"\(place) lets nobody\(whole)"
        case .rule: return "by the rule \"\(rule ?? "")\"\(place), which needs \(scopes); \(held)\(whole)"
        case .defaultScope: return "no rule \(names), and default_scope needs \(scopes); \(held)\(whole)"
        case .silence: return "no rule\(place) \(names), and there is no default_scope"
        case .requiredScopes: return "required_scopes of the resource needs \(scopes); \(held)"
        case .tools: return "\"tools\" of the server hides it from everybody"
        }
    }

    private var held: String { holds.isEmpty ? "no scope is held" : "held: \(holds.joined(separator: ", "))" }

    private var place: String { chapter.map { " of \($0)" } ?? "" }

    private var isAboutAll: Bool { if case .all = subject { true } else { false } }

    private var names: String { isAboutAll ? "is for all of it" : "names it" }

    // What may not be plain: a rule for a single tool closes the door to the whole.
    private var whole: String {
        isAboutAll && !isAllowed ? "; /verify lets through who may use all of it" : ""
    }

    /// Takes over what the gateway's own rules say.
    mutating func take(_ decision: AccessDecision, _ kind: AccessKind, _ access: ServerAccess) {
        let basis: AccessBasis
        switch decision {
        case .allowed(let found), .hidden(let found): basis = found
        case .insufficient(let missing, let found):
            basis = found
            self.missing = missing
        }
        isAllowed = decision.isAllowed
        needs = access.scopes(of: basis, kind) ?? []
        switch basis {
        case .rule(let pattern):
            reason = .rule
            rule = pattern
        case .defaultScope: reason = .defaultScope
        case .silence: reason = .silence
        }
    }

    /// For programs.
    func json(user: String?) -> String {
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        var members: [JSONValue.Member] = [.init("allowed", .boolean(isAllowed))]
        switch subject {
        case .one(let question):
            members.append(.init("server", .string(question.server)))
            members.append(.init(question.kind.rawValue, .string(question.name)))
        case .all(let resource):
            members.append(.init("protected_resource", .string(resource.name)))
            members.append(.init("url", .string(resource.identifier)))
        }
        members += [
            .init("reason", .string(reason.rawValue)),
            .init("rule", rule.map { .string($0) } ?? .null), .init("scope_mode", .string(mode.rawValue)),
            .init("needs", list(needs)), .init("missing", list(missing)), .init("holds", list(holds)),
        ]
        if let user { members.append(.init("user", .string(user))) }
        return String(decoding: JSONValue.object(members).serialized(), as: UTF8.self)
    }
}
