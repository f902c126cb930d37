/// A rule, with the numbers and the names of its scopes.
struct AccessRule: Sendable {
    let pattern: String
    let scopes: [Int]
    let names: [String]
}

/// The rules of an access policy, as far as they concern one server.
package final class ServerAccess: Sendable {
    private let tools: RuleTable
    private let prompts: RuleTable
    private let resources: RuleTable
    /// What counts where no rule fits.
    private let silence: AccessRule?
    private let mode: AccessRules.Mode

    init(
        tools: RuleTable, prompts: RuleTable, resources: RuleTable, silence: AccessRule?, mode: AccessRules.Mode
    ) {
        self.tools = tools
        self.prompts = prompts
        self.resources = resources
        self.silence = silence
        self.mode = mode
    }

    /// Whether whoever holds `rights` may use what the server itself calls `name`.
    package func decision(_ kind: AccessKind, _ name: [UInt8], _ rights: AccessRights) -> AccessDecision {
        let decision = decisionAsWritten(kind, name, rights)
        guard decision.isAllowed, kind == .resource, let plain = ResourceSpelling.plain(name) else { return decision }
        return decisionAsWritten(kind, plain, rights)
    }

    private func decisionAsWritten(_ kind: AccessKind, _ name: [UInt8], _ rights: AccessRights) -> AccessDecision {
        if let rule = table(kind).rule(for: name) { return decision(rule, .rule(rule.pattern), rights) }
        guard let silence else { return .hidden(.silence) }
        return decision(silence, .defaultScope, rights)
    }

    /// The same without the reason, for lists.
    package func allows(_ kind: AccessKind, _ name: [UInt8], _ rights: AccessRights) -> Bool {
        func isAllowed(_ name: [UInt8]) -> Bool {
            guard let rule = table(kind).rule(for: name) ?? silence else { return false }
            return isOpen(rule, rights)
        }
        guard isAllowed(name) else { return false }
        return kind == .resource ? ResourceSpelling.plain(name).map(isAllowed) ?? true : true
    }

    /// The scopes that a rule names; nil where no rule has this pattern.
    package func scopes(of basis: AccessBasis, _ kind: AccessKind) -> [String]? {
        switch basis {
        case .rule(let pattern): table(kind).all.first { $0.pattern.utf8.elementsEqual(pattern.utf8) }?.names
        case .defaultScope: silence?.names
        case .silence: nil
        }
    }

    /// Whether anything of the server may be open to `rights`: to others it does not exist, and is not started.
    package func isUsable(by rights: AccessRights) -> Bool {
        if let silence, isOpen(silence, rights) { return true }
        return [tools, prompts, resources].contains { $0.contains { isOpen($0, rights) } }
    }

    /// Whether `rights` open all of it, whatever it has and whatever that is called, and which rule decides: where they do, the
    /// one for what no other names; where they do not, the first that stands against it.
    package func decisionForAll(_ rights: AccessRights) -> (decision: AccessDecision, kind: AccessKind) {
        var allowed: AccessBasis?
        var closed: (basis: AccessBasis, kind: AccessKind)?
        var missing: [String] = []
        for kind in AccessKind.allCases {
            let table = table(kind)
            guard let rest = table.everything ?? silence else { return (.hidden(.silence), kind) }
            let basis: AccessBasis = table.everything.map { .rule($0.pattern) } ?? .defaultScope
            allowed = allowed ?? basis
            for rule in table.all + (table.everything == nil ? [rest] : []) where !isOpen(rule, rights) {
                let found: AccessBasis = rule.pattern.isEmpty ? .defaultScope : .rule(rule.pattern)
                if rule.names.isEmpty { return (.hidden(found), kind) }
                closed = closed ?? (found, kind)
                let lacking = zip(rule.names, rule.scopes).filter { !rights.held[$0.1] }.map(\.0)
                for name in lacking where !missing.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
                    missing.append(name)
                }
            }
        }
        if let closed { return (.insufficient(missing, closed.basis), closed.kind) }
        return (allowed.map { .allowed($0) } ?? .hidden(.silence), .tool)
    }

    /// The scopes without which `rights` do not open all of it; nil where they do. Empty where no scope would help: something
    /// is open to nobody.
    package func scopesMissing(forAllOf rights: AccessRights) -> [String]? {
        switch decisionForAll(rights).decision {
        case .allowed: nil
        case .insufficient(let missing, _): missing
        case .hidden: []
        }
    }

    /// Whether the rules say something about whatever the server may have.
    package var hasRuleForAll: Bool {
        silence != nil || [tools, prompts, resources].allSatisfy { $0.everything != nil }
    }

    /// Every scope that opens something of it.
    package var openingScopes: [String] {
        var found: [String] = []
        for rule in [tools, prompts, resources].flatMap(\.all) + [silence].compactMap({ $0 }) {
            for name in rule.names where !found.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
                found.append(name)
            }
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private func table(_ kind: AccessKind) -> RuleTable {
        switch kind {
        case .tool: tools
        case .prompt: prompts
        case .resource: resources
        }
    }

    private func isOpen(_ rule: AccessRule, _ rights: AccessRights) -> Bool {
        switch mode {
        case .any: rule.scopes.contains { rights.held[$0] }
        // All of nothing is not enough.
        case .all: !rule.scopes.isEmpty && rule.scopes.allSatisfy { rights.held[$0] }
        }
    }

    private func decision(_ rule: AccessRule, _ basis: AccessBasis, _ rights: AccessRights) -> AccessDecision {
        if isOpen(rule, rights) { return .allowed(basis) }
        guard !rule.names.isEmpty else { return .hidden(basis) }
        guard mode == .all else { return .insufficient(rule.names, basis) }
        return .insufficient(zip(rule.names, rule.scopes).filter { !rights.held[$0.1] }.map(\.0), basis)
    }
}

/// The rules for one kind of thing of one server, in the order in which they count.
struct RuleTable: Sendable {
    /// A pattern by itself, because it is looked at far more often than its rule.
    private struct Glob: Sendable {
        let pattern: NamePattern
        /// Whether the name of the server is no part of the pattern any more.
        let isRest: Bool
    }

    private let prefix: [UInt8]
    private let exact: [[UInt8]: AccessRule]
    private let globs: [Glob]
    /// The rules of ``globs``.
    private let rules: [AccessRule]

    /// Takes from `given` what can concern `server`.
    init(_ given: [AccessRule], server: String) {
        prefix = Array("\(server):".utf8)
        var exact: [[UInt8]: AccessRule] = [:]
        var rules: [AccessRule] = []
        for rule in given {
            let pattern = NamePattern(rule.pattern)
            if pattern.isExact {
                let text = Array(rule.pattern.utf8)
                if text.starts(with: prefix) { exact[Array(text.dropFirst(prefix.count))] = rule }
            } else if pattern.canBegin(with: prefix) {
                rules.append(rule)
            }
        }
        rules.sort { left, right in
            let (left, right) = (left.pattern.utf8, right.pattern.utf8)
            return left.count == right.count ? left.lexicographicallyPrecedes(right) : left.count > right.count
        }
        let prefix = prefix
        globs = rules.map { rule in
            let whole = NamePattern(rule.pattern)
            return whole.rest(behind: prefix).map { Glob(pattern: $0, isRest: true) }
                ?? Glob(pattern: whole, isRest: false)
        }
        self.exact = exact
        self.rules = rules
        all = rules + exact.values.sorted { $0.pattern.utf8.lexicographicallyPrecedes($1.pattern.utf8) }
    }

    /// The one that counts for `name`.
    func rule(for name: [UInt8]) -> AccessRule? {
        if !exact.isEmpty, let rule = exact[name] { return rule }
        var full: [UInt8] = []
        for place in globs.indices {
            if globs[place].isRest {
                if globs[place].pattern.matches(name) { return rules[place] }
            } else {
                if full.isEmpty { full = prefix + name }
                if globs[place].pattern.matches(full) { return rules[place] }
            }
        }
        return nil
    }

    /// Every one: patterns in the order in which they count, then exact names by their bytes.
    let all: [AccessRule]

    /// The rule that counts for names that no other one fits; nil where there may be names that none fits. A pattern that ends in
    /// a star and fits the bare name of the server fits everything behind it.
    var everything: AccessRule? {
        rules.first { $0.pattern.utf8.last == UInt8(ascii: "*") && NamePattern($0.pattern).matches(prefix) }
    }

    func contains(where isSo: (AccessRule) -> Bool) -> Bool {
        all.contains(where: isSo)
    }
}
