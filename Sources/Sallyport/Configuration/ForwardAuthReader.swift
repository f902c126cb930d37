import AsyncIO
import HTTP
import OAuth

/// One entry of `protected_resources`: an MCP server behind another proxy, which asks `/verify`.
struct ProtectedResourceSettings: Sendable, Equatable {
    /// For people, and for `sallyport token create`.
    var name: String
    /// The resource's identifier, as clients write it.
    var origin: String
    /// Its path; empty for a whole host.
    var path: String
    /// `scopes`.
    var scopes: [String]
    /// `required_scopes`.
    var requiredScopes: [String]

    /// `url` in its canonical form.
    var identifier: String { origin + path }
}

extension Configuration {
    /// What rules of `access` can be about.
    var namesUnderPolicy: [String] { servers.map(\.name) + protectedResources.map(\.name) }
}

/// Reads `trusted_proxies`, `protected_resources` and `insecure_forward_bearer`.
struct ForwardAuthReader {
    let context: ConfigurationContext

    /// The blocks below `trusted_proxies`.
    func proxies(_ value: ConfigurationValue?) -> [CIDR] {
        (value?.list() ?? []).compactMap { entry in
            guard let text = entry.nonEmptyString() else { return nil }
            guard let block = CIDR(text) else {
                entry.refuse("\"\(text)\" is not a block of addresses", hint: "like 10.0.0.0/8 or 127.0.0.1")
                return nil
            }
            guard block.prefixLength > 0 else {
                entry.refuse("\"\(text)\" would believe everybody", hint: "name the addresses of your proxies")
                return nil
            }
            return block
        }
    }

    /// The resources below `protected_resources`.
    func resources(in section: ConfigurationSection?) -> [ProtectedResourceSettings] {
        guard let section else { return [] }
        var seen: Set<String> = []
        return section.named().compactMap { name, value in
            guard ServerReader.isName(name) else {
                value.refuse(
                    "\"\(name)\" cannot be the name of a resource",
                    hint: "use up to 32 letters, digits, - and _, beginning with a letter or digit")
                return nil
            }
            guard let entry = value.section(), let resource = resource(name, entry, line: value.line) else {
                return nil
            }
            guard seen.insert(resource.origin + resource.path).inserted else {
                value.refuse("another resource has the same url")
                return nil
            }
            return resource
        }
    }

    private func resource(_ name: String, _ given: ConfigurationSection, line: Int) -> ProtectedResourceSettings? {
        var section = given
        let url = section.value("url")
        let scopes = section.value("scopes").map { self.scopes($0) } ?? ["mcp"]
        let required = section.value("required_scopes")
        let requiredScopes = required.map { self.scopes($0) } ?? []
        section.finish()
        if let unknown = requiredScopes.first(where: { !scopes.contains($0) }) {
            required?.refuse("\(unknown) is not one of the resource's scopes", hint: "add it to \"scopes\"")
        }
        guard let url else {
            context.refuse(section.path, line: line, "the key \"url\" is missing", hint: "the address that clients use")
            return nil
        }
        guard let text = url.nonEmptyString(), let indicator = indicator(text, url) else { return nil }
        return ProtectedResourceSettings(
            name: name, origin: indicator.origin, path: indicator.path, scopes: scopes, requiredScopes: requiredScopes)
    }

    private func indicator(_ text: String, _ value: ConfigurationValue) -> ResourceIndicator? {
        guard let parsed = try? HTTPURL(text), let indicator = try? ResourceIndicator(parsing: text),
            CanonicalPath.isPlain(indicator.path.isEmpty ? "/" : indicator.path)
        else {
            value.refuse(
                "\"\(text)\" is not the address of a resource",
                hint: "like https://fetch.example.com/mcp, without query and fragment")
            return nil
        }
        if parsed.isInTheClear {
            value.refuse("\"\(text)\" would send tokens over the network in the clear", hint: "use https")
            return nil
        }
        if indicator.path.hasSuffix("/") {
            value.refuse("\"\(text)\" ends with a slash", hint: "leave it out: what lies below is meant as well")
            return nil
        }
        return indicator
    }

    private func scopes(_ value: ConfigurationValue) -> [String] {
        guard let tokens = value.strings() else { return [] }
        let text = tokens.joined(separator: " ")
        guard tokens.isEmpty || (try? Scope(parsing: text))?.tokens == tokens else {
            value.refuse("a scope is a word without blanks and quotes, named once")
            return []
        }
        return tokens
    }
}
