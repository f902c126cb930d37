import AuthorizationServer
import HTTP
import OAuth

/// Reads `oauth.identity_assertions`: identity providers whose ID-JAGs are taken. An entry names one of `login.providers`,
/// whose users, claims and allow-list then count, or an issuer by which nobody can log in here.
struct IdentityAssertionReader {
    let context: ConfigurationContext
    let login: LoginSettings

    /// The providers of the list; problems go to the context.
    func providers(_ value: ConfigurationValue) -> [IdentityAssertionSettings] {
        var result: [IdentityAssertionSettings] = []
        for entry in value.list() ?? [] {
            guard let settings = settings(entry) else { continue }
            guard !result.contains(where: { $0.issuer == settings.issuer }) else {
                entry.refuse("the issuer \(settings.issuer) is there twice")
                continue
            }
            guard !result.contains(where: { $0.id.utf8.elementsEqual(settings.id.utf8) }) else {
                entry.refuse(
                    "there is another entry with the id \"\(settings.id)\"", hint: "give each an id of its own")
                continue
            }
            result.append(settings)
        }
        return result
    }

    // MARK: Steps

    private func settings(_ value: ConfigurationValue) -> IdentityAssertionSettings? {
        guard var section = value.section() else { return nil }
        let name = section.value("provider")
        let clients = clients(&section)
        let tenant = section.value("tenant")?.nonEmptyString()
        let place = section.value("jwks_uri")
        let keys = place.flatMap { address($0) }
        var settings = name.map { provider($0) } ?? issuer(&section)
        section.finish(
            hints: name == nil
                ? ["client": "did you mean \"clients\", a list?"]
                : Dictionary(
                    ["issuer", "id", "allow", "user_claim", "groups_claim"].map { ($0, "it is the provider's") },
                    uniquingKeysWith: { first, _ in first }))
        guard let clients, place == nil || keys != nil else { return nil }
        settings?.keySetURI = keys
        settings?.clients = clients.contains("*") ? nil : Set(clients.map { ClientID($0) })
        settings?.tenant = tenant
        return settings
    }

    private func clients(_ section: inout ConfigurationSection) -> [String]? {
        guard let value = section.value("clients") else {
            context.refuse(
                section.path.key("clients"), line: section.line, "is missing",
                hint: "the client_id of each client that may show assertions, or [\"*\"]")
            return nil
        }
        guard let clients = value.strings() else { return nil }
        guard !clients.isEmpty, clients.allSatisfy({ !$0.isEmpty }) else {
            value.refuse("names no client", hint: "leave the entry out")
            return nil
        }
        return clients
    }

    private func provider(_ value: ConfigurationValue) -> IdentityAssertionSettings? {
        guard let id = value.nonEmptyString() else { return nil }
        let able = login.providers.filter { $0.kind != .github }
        guard let provider = able.first(where: { $0.id.utf8.elementsEqual(id.utf8) }) else {
            value.refuse(
                "\"\(id)\" is not an OpenID provider of login.providers",
                hint: able.isEmpty ? "name its issuer instead" : "one of \(able.map(\.id).joined(separator: ", "))")
            return nil
        }
        return IdentityAssertionSettings(
            id: provider.id, issuer: provider.issuer, claims: provider.claims, allowList: provider.allowList)
    }

    private func issuer(_ section: inout ConfigurationSection) -> IdentityAssertionSettings? {
        let place = section.value("issuer")
        if place == nil {
            context.refuse(
                section.path.key("issuer"), line: section.line, "is missing",
                hint: "or provider, with the id of one of login.providers")
        }
        let reader = ProviderReader(context: context)
        let url = place.flatMap { address($0) }
        let id = id(section.value("id"), reader)
        let claims = reader.claims(.oidc, in: &section)
        let allow = AllowListReader(context: context).list(
            .oidc, userClaim: claims.userClaim, title: url?.text ?? id, in: &section)
        guard let url else { return nil }
        return IdentityAssertionSettings(id: id, issuer: url, claims: claims, allowList: allow)
    }

    private func id(_ value: ConfigurationValue?, _ reader: ProviderReader) -> String {
        guard let value, let id = value.nonEmptyString() else { return "enterprise" }
        reader.checkID(id, value)
        return id
    }

    private func address(_ value: ConfigurationValue) -> HTTPURL? {
        guard let text = value.nonEmptyString() else { return nil }
        guard let url = ProviderMetadata.trustworthy(text, beside: nil), url.query == nil else {
            value.refuse(
                "\"\(text)\" is not the address of an identity provider",
                hint: "an https URL; plain http is for a provider on this machine")
            return nil
        }
        return url
    }
}
