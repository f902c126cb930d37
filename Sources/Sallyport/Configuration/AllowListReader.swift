import AuthorizationServer

/// Reads `allow`: who may come in by one provider. An empty list admits nobody; `users: ["*"]` admits everybody, and both
/// are said at start.
struct AllowListReader {
    let context: ConfigurationContext

    /// The list of a provider.
    func list(
        _ kind: ProviderKind, userClaim: OpenIDClaims.UserClaim, title: String, in section: inout ConfigurationSection
    ) -> AllowList {
        let path = section.path.key("allow")
        let line = section.line
        var list = AllowList()
        if var allow = section.section("allow") {
            readUsers(allow.value("users"), kind, userClaim, into: &list)
            for (key, fact) in Self.others(kind) { readOthers(allow.value(key), fact, kind, into: &list) }
            allow.finish()
        }
        if list.admitsEverybody {
            context.note(path, line: line, "everybody who can sign in with \(title) may use this server")
        } else if list.isEmpty {
            context.note(
                path, line: line, "the allow-list is empty: nobody can log in with \(title)",
                hint: "name users, or write allow: {users: [\"*\"]} to let everybody in")
        }
        return list
    }

    /// The fact by which one entry of `users` is compared; nil when the entry cannot match anybody.
    static func user(_ text: String, _ kind: ProviderKind, _ claim: OpenIDClaims.UserClaim) -> AccessKey? {
        switch (kind, claim) {
        case (.github, _): text.isEmpty ? nil : AccessKey(.user, ignoringCase: text)
        case (.trustedProxy, _), (_, .exact): text.isEmpty ? nil : AccessKey(.user, text)
        case (_, .verifiedEmail), (_, .directoryAddress): EmailAddress(text).map { AccessKey(.user, $0.text) }
        }
    }

    private static func others(_ kind: ProviderKind) -> [(String, AccessKey.Kind)] {
        switch kind {
        case .github: [("organizations", .organization), ("teams", .team)]
        case .google: [("domains", .domain)]
        case .okta, .entra, .oidc, .trustedProxy: [("groups", .group)]
        case .local: []
        }
    }

    private func readUsers(
        _ value: ConfigurationValue?, _ kind: ProviderKind, _ claim: OpenIDClaims.UserClaim, into list: inout AllowList
    ) {
        for entry in value?.list() ?? [] {
            guard let text = entry.string() else { continue }
            if text == "*" {
                list.admitsEverybody = true
            } else if let key = Self.user(text, kind, claim) {
                list.keys.insert(key)
            } else {
                entry.refuse("\"\(text)\" can match nobody", hint: "an e-mail address, like alice@example.com")
            }
        }
    }

    private func readOthers(
        _ value: ConfigurationValue?, _ fact: AccessKey.Kind, _ kind: ProviderKind, into list: inout AllowList
    ) {
        for entry in value?.list() ?? [] {
            guard let text = entry.nonEmptyString() else { continue }
            guard text != "*" else {
                entry.refuse("\"*\" is for users alone", hint: "allow: {users: [\"*\"]} lets everybody in")
                continue
            }
            if fact == .team, text.utf8.filter({ $0 == UInt8(ascii: "/") }).count != 1 {
                entry.refuse("\"\(text)\" is not a team", hint: "ORGANIZATION/TEAM, like acme/core")
            }
            if fact == .domain, text.utf8.contains(UInt8(ascii: "@")) || !text.utf8.contains(UInt8(ascii: ".")) {
                entry.refuse("\"\(text)\" is not a domain", hint: "like example.com")
            }
            // Groups of a directory are compared as they are; the others have no case where they come from.
            list.keys.insert(fact == .group ? AccessKey(fact, text) : AccessKey(fact, ignoringCase: text))
        }
    }
}
