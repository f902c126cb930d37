import Gateway
import OAuth

/// Reads `access`: claims, what they are worth, and what that opens.
struct AccessReader {
    let context: ConfigurationContext
    /// The servers that rules can be about.
    let servers: [String]

    func rules(in given: ConfigurationSection) -> AccessRules {
        var section = given
        var rules = AccessRules()
        if let claims = section.value("claims") { rules.claims = names(claims) }
        if let mappings = section.section("mappings") { rules.mappings = self.mappings(mappings, rules.claims) }
        if let permissions = section.section("permissions") { rules.permissions = self.permissions(permissions) }
        rules.prompts = section.section("prompts").map { permissions($0) }
        rules.resources = section.section("resources").map { permissions($0) }
        if var options = section.section("options") {
            rules.mode = options.value("scope_mode")?.word(AccessRules.Mode.self) ?? .any
            if let value = options.value("default_scope"), let scope = value.nonEmptyString() {
                if Self.isScope(scope) { rules.defaultScope = scope } else { refuseScope(scope, value) }
            }
            options.finish()
        }
        section.finish(hints: ["scopes": "what needs which scope stands in \"permissions\""])
        if rules.permissions.isEmpty, rules.prompts == nil, rules.resources == nil, rules.defaultScope == nil {
            context.note(
                section.path, line: section.line, "lets nobody use anything",
                hint: "name what may be used in \"permissions\", or leave the whole block out")
        }
        noteUnreachable(rules, section)
        return rules
    }

    private func names(_ value: ConfigurationValue) -> [String] {
        let names = (value.list() ?? []).compactMap { $0.nonEmptyString() }
        if let bad = names.first(where: { $0.utf8.contains(UInt8(ascii: ":")) }) {
            value.refuse("\"\(bad)\" cannot be the name of a claim", hint: "\":\" ends it in \"mappings\"")
        }
        return names
    }

    private func mappings(_ section: ConfigurationSection, _ claims: [String]) -> [String: [String]] {
        var mappings: [String: [String]] = [:]
        for (key, value) in section.named() {
            let claim = key.prefix { $0 != ":" }
            if key != AccessRules.everybody {
                guard claim.utf8.count < key.utf8.count else {
                    value.refuse(
                        "\"\(key)\" is no claim with a value",
                        hint: "write CLAIM:VALUE like \"groups:Admin\", or \"*\" for everybody")
                    continue
                }
                if !claims.contains(where: { $0.utf8.elementsEqual(claim.utf8) }) {
                    value.note("never counts: \(claim) is not one of \"claims\"", hint: "add it there")
                }
            }
            mappings[key] = scopes(value)
        }
        return mappings
    }

    private func permissions(_ section: ConfigurationSection) -> [String: [String]] {
        var permissions: [String: [String]] = [:]
        for (key, value) in section.named() {
            guard key.utf8.contains(UInt8(ascii: ":")) || key.utf8.contains(UInt8(ascii: "*")) else {
                value.refuse("\"\(key)\" names no server", hint: "write SERVER:NAME like \"notes:*\"")
                continue
            }
            let pattern = NamePattern(key)
            if !servers.contains(where: { pattern.canBegin(with: Array("\($0):".utf8)) }) {
                value.note("no server has such a name", hint: "servers here: \(servers.joined(separator: ", "))")
            }
            let scopes = scopes(value)
            if scopes.isEmpty { value.note("an empty list lets nobody use it") }
            permissions[key] = scopes
        }
        return permissions
    }

    private func scopes(_ value: ConfigurationValue) -> [String] {
        (value.list() ?? []).compactMap { entry in
            guard let scope = entry.nonEmptyString() else { return nil }
            guard Self.isScope(scope) else {
                refuseScope(scope, entry)
                return nil
            }
            return scope
        }
    }

    private func refuseScope(_ scope: String, _ value: ConfigurationValue) {
        value.refuse("\"\(scope)\" cannot be a scope", hint: "printable ASCII without blanks, quotes and \\")
    }

    /// RFC 6749 §3.3; the policy's scopes stand in challenges.
    private static func isScope(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }

    private func noteUnreachable(_ rules: AccessRules, _ section: ConfigurationSection) {
        let given = Set(rules.mappings.values.joined())
        let all = [rules.permissions, rules.prompts ?? [:], rules.resources ?? [:]].flatMap { $0.values.joined() }
        for scope in Set(all + [rules.defaultScope].compactMap { $0 }).subtracting(given).sorted() {
            context.note(
                section.path, line: section.line, "no mapping gives the scope \"\(scope)\"",
                hint: "nobody can use what needs it alone")
        }
    }
}

extension AccessRules {
    /// The claims that tokens carry for the policy alone.
    var otherClaims: [String] { claims.filter { !Principal.commonClaims.contains($0) } }

    /// Every scope that is needed for something.
    var allScopes: [String] {
        let needed = [permissions, prompts ?? [:], resources ?? [:]].flatMap { $0.values.joined() }
        return Set(needed + [defaultScope].compactMap { $0 }).sorted()
    }
}
