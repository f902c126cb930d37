import Gateway
import JSON

/// What is asked of the access policy.
struct PolicyQuestion: Equatable {
    let kind: AccessKind
    let server: String
    /// The server's own name of it, or the URI.
    let name: String
}

/// Says what the gateway would do, with the gateway's own code.
struct PolicyOracle {
    let configuration: Configuration
    private let policy: AccessPolicy?

    init(_ configuration: Configuration) {
        self.configuration = configuration
        policy = configuration.access.map { AccessPolicy($0, servers: configuration.servers.map(\.name)) }
    }

    /// What `SERVER:NAME` asks, or NAME of the server that is given; nil where no server of that name is configured.
    func question(_ kind: AccessKind, _ text: String, server: String?) -> PolicyQuestion? {
        if let server {
            guard let settings = settings(server) else { return nil }
            return PolicyQuestion(kind: kind, server: settings.name, name: own(kind, text, settings))
        }
        for settings in configuration.servers {
            if text.utf8.starts(with: "\(settings.name):".utf8) {
                return PolicyQuestion(kind: kind, server: settings.name, name: cut(text, settings.name.utf8.count + 1))
            }
        }
        // As the aggregate calls it.
        let separator = configuration.aggregate.separator
        for settings in configuration.servers where kind != .resource {
            if text.utf8.starts(with: "\(settings.name)\(separator)".utf8) {
                let name = cut(text, settings.name.utf8.count + separator.utf8.count)
                return PolicyQuestion(kind: kind, server: settings.name, name: own(kind, name, settings))
            }
        }
        guard configuration.servers.count == 1, let only = configuration.servers.first else { return nil }
        return PolicyQuestion(kind: kind, server: only.name, name: own(kind, text, only))
    }

    private func settings(_ server: String) -> ServerSettings? {
        configuration.servers.first { $0.name.utf8.elementsEqual(server.utf8) }
    }

    private func cut(_ text: String, _ count: Int) -> String {
        String(decoding: Array(text.utf8.dropFirst(count)), as: UTF8.self)
    }

    // Clients may know a tool by another name.
    private func own(_ kind: AccessKind, _ name: String, _ settings: ServerSettings) -> String {
        guard kind == .tool, let own = settings.tools.filter.ownName(of: Array(name.utf8)) else { return name }
        return String(decoding: own, as: UTF8.self)
    }

    /// Whether somebody with these claims may use it, and why.
    func answer(_ question: PolicyQuestion, claims: (_ claim: String) -> [String]) -> PolicyAnswer {
        var answer = PolicyAnswer(question: question, isAllowed: true, reason: .noPolicy)
        let name = Array(question.name.utf8)
        if let policy, let access = policy.server(question.server) {
            let rights = policy.rights(claims: claims)
            answer.holds = policy.scopes(of: rights).sorted()
            answer.mode = policy.rules.mode
            let decision = access.decision(question.kind, name, rights)
            let basis: AccessBasis
            switch decision {
            case .allowed(let found), .hidden(let found): basis = found
            case .insufficient(let missing, let found):
                basis = found
                answer.missing = missing
            }
            answer.isAllowed = decision.isAllowed
            answer.needs = access.scopes(of: basis, question.kind) ?? []
            switch basis {
            case .rule(let pattern):
                answer.reason = .rule
                answer.rule = pattern
            case .defaultScope: answer.reason = .defaultScope
            case .silence: answer.reason = .silence
            }
        }
        if question.kind == .tool, settings(question.server)?.tools.filter.exposedName(of: name) == nil {
            answer.isAllowed = false
            answer.reason = .tools
        }
        return answer
    }
}

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
    }

    let question: PolicyQuestion
    var isAllowed: Bool
    var reason: Reason
    var rule: String?
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
        case .rule where needs.isEmpty: return "the rule \"\(rule ?? "")\" lets nobody"
        case .rule: return "by the rule \"\(rule ?? "")\", which needs \(scopes); \(held)"
        case .defaultScope: return "no rule names it, and default_scope needs \(scopes); \(held)"
        case .silence: return "no rule names it, and there is no default_scope"
        case .tools: return "\"tools\" of the server hides it from everybody"
        }
    }

    private var held: String { holds.isEmpty ? "no scope is held" : "held: \(holds.joined(separator: ", "))" }

    /// For programs.
    func json(user: String?) -> String {
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
        var members: [JSONValue.Member] = [
            .init("allowed", .boolean(isAllowed)), .init("server", .string(question.server)),
            .init(question.kind.rawValue, .string(question.name)), .init("reason", .string(reason.rawValue)),
            .init("rule", rule.map { .string($0) } ?? .null), .init("scope_mode", .string(mode.rawValue)),
            .init("needs", list(needs)), .init("missing", list(missing)), .init("holds", list(holds)),
        ]
        if let user { members.append(.init("user", .string(user))) }
        return String(decoding: JSONValue.object(members).serialized(), as: UTF8.self)
    }
}
