package import OAuth

/// Claims → scopes → tools, prompts and resources, compiled once. Lists and calls ask the same (R05).
///
/// One meaning, whatever the order of the file: a rule for exactly this name counts before patterns, of patterns the longest,
/// of two as long the first by its bytes; where no rule fits, the default scope; where there is none, nobody. Names, claims and
/// scopes compare as bytes, so case counts.
package final class AccessPolicy: Sendable {
    package let rules: AccessRules
    /// All scopes; a place in it is the number of a scope.
    let scopes: [String]
    /// The numbers of the scopes that `CLAIM:VALUE` gives.
    private let mappings: [[UInt8]: [Int]]
    private let everybodys: [Int]
    private let servers: [[UInt8]: ServerAccess]

    /// Compiles `rules` for these servers.
    package init(_ rules: AccessRules, servers names: [String]) {
        var numbers: [[UInt8]: Int] = [:]
        var scopes: [String] = []
        func number(_ scope: String) -> Int {
            if let known = numbers[Array(scope.utf8)] { return known }
            numbers[Array(scope.utf8)] = scopes.count
            scopes.append(scope)
            return scopes.count - 1
        }
        var mappings: [[UInt8]: [Int]] = [:]
        for (key, given) in rules.mappings { mappings[Array(key.utf8)] = given.map(number) }
        func compile(_ permissions: [String: [String]]) -> [AccessRule] {
            permissions.map { AccessRule(pattern: $0.key, scopes: $0.value.map(number), names: $0.value) }
        }
        let common = compile(rules.permissions)
        let prompts = rules.prompts.map(compile) ?? common
        let resources = rules.resources.map(compile) ?? common
        let defaultRule = rules.defaultScope.map { AccessRule(pattern: "", scopes: [number($0)], names: [$0]) }
        servers = Dictionary(
            names.map { name in
                (
                    Array(name.utf8),
                    ServerAccess(
                        tools: RuleTable(common, server: name), prompts: RuleTable(prompts, server: name),
                        resources: RuleTable(resources, server: name), silence: defaultRule, mode: rules.mode)
                )
            }
        ) { first, _ in first }
        self.rules = rules
        self.scopes = scopes
        self.mappings = mappings
        everybodys = mappings[Array(AccessRules.everybody.utf8)] ?? []
    }

    /// What the rules say about one server; nil where there is no such server.
    package func server(_ name: String) -> ServerAccess? { servers[Array(name.utf8)] }

    /// What `principal` holds. To be asked once for a token, not for a call.
    package func rights(of principal: Principal) -> AccessRights {
        rights { principal.values(of: $0) }
    }

    /// What somebody with these claims holds.
    package func rights(claims values: (_ claim: String) -> [String]) -> AccessRights {
        var held = [Bool](repeating: false, count: scopes.count)
        for number in everybodys { held[number] = true }
        for claim in rules.claims {
            for value in values(claim) {
                for number in mappings[Array(claim.utf8) + [UInt8(ascii: ":")] + Array(value.utf8)] ?? [] {
                    held[number] = true
                }
            }
        }
        return AccessRights(held: held)
    }

    /// The names of the scopes that are held.
    package func scopes(of rights: AccessRights) -> [String] {
        zip(scopes, rights.held).filter(\.1).map(\.0)
    }
}

/// The scopes that somebody holds, by number.
package struct AccessRights: Sendable, Equatable {
    let held: [Bool]
}

extension Principal {
    /// What the token says about a claim; a claim that is not there says nothing. What users choose themselves, such as the
    /// name that is shown, is none.
    package func values(of claim: String) -> [String] {
        switch claim {
        case "groups": groups
        case "scope": scope.tokens
        case "client_id": [client.value]
        case "sub": [user.value]
        case "email": email.map { [$0] } ?? []
        default: claims[claim] ?? []
        }
    }

    /// The claims that every token has, if they say anything.
    package static let commonClaims = ["groups", "scope", "client_id", "sub", "email"]
}
