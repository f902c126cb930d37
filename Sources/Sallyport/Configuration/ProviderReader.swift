import AsyncIO
import AuthorizationServer
import Crypto
import HTTP
import OAuth

/// Reads `login.providers`.
struct ProviderReader {
    let context: ConfigurationContext

    /// The ways to log in, as far as they are right; problems go to the context.
    func settings(in list: ConfigurationValue) -> LoginSettings {
        var login = LoginSettings()
        login.hasLocalAccounts = false
        guard let entries = list.list() else { return login }
        if entries.isEmpty {
            list.refuse("nobody could log in", hint: "leave the key out to have local accounts")
        }
        var ids: [String] = []
        for entry in entries {
            guard var section = entry.section(), let kind = kind(in: &section, entry) else { continue }
            let id = id(in: &section, kind)
            if ids.contains(where: { $0.utf8.elementsEqual(id.utf8) }) {
                entry.refuse("there is another provider with the id \"\(id)\"", hint: "give each an id of its own")
            }
            ids.append(id)
            switch kind {
            case .local: login.hasLocalAccounts = true
            case .trustedProxy:
                if let proxy = TrustedProxyReader(context: context).login(id, in: &section) {
                    login.proxies.append(proxy)
                }
            default:
                if let provider = provider(kind, id, in: &section, entry) { login.providers.append(provider) }
            }
            section.finish()
        }
        let shared = login.providers.filter { $0.callbackPath == "/callback" }
        if !shared.isEmpty, login.providers.count > 1 {
            list.refuse(
                "callback_path /callback is for a single provider: with several, an answer of one could pass for that "
                    + "of another", hint: "leave callback_path out, and enter /callback/ID at each provider")
        }
        return login
    }

    // MARK: Steps

    private func kind(in section: inout ConfigurationSection, _ entry: ConfigurationValue) -> ProviderKind? {
        let words = ProviderKind.allCases.map(\.rawValue)
        guard let value = section.value("type") else {
            entry.refuse("the key \"type\" is missing", hint: "one of \(words.joined(separator: ", "))")
            return nil
        }
        return value.word(ProviderKind.self)
    }

    private func id(in section: inout ConfigurationSection, _ kind: ProviderKind) -> String {
        guard let value = section.value("id"), let id = value.nonEmptyString() else { return kind.rawValue }
        checkID(id, value)
        return id
    }

    /// Refuses what cannot stand in a path or before the name of an account.
    func checkID(_ id: String, _ value: ConfigurationValue) {
        let isPlain = id.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        if !isPlain || id.utf8.count > 32 {
            value.refuse(
                "\"\(id)\" is not an id: it stands in /callback/ID and in names of accounts",
                hint: "up to 32 lower-case letters, digits and hyphens")
        }
    }

    private func provider(
        _ kind: ProviderKind, _ id: String, in section: inout ConfigurationSection, _ entry: ConfigurationValue
    ) -> ProviderSettings? {
        let issuer = IssuerReader(context: context).issuer(kind, in: &section)
        let client = required("client_id", in: &section)?.nonEmptyString()
        let credential = CredentialReader(context: context).credential(kind, in: &section)
        let title = section.value("title")?.nonEmptyString() ?? kind.title
        let claims = claims(kind, in: &section)
        let allow = AllowListReader(context: context).list(
            kind, userClaim: claims.userClaim, title: title, in: &section)
        let scopes = section.value("scopes").flatMap { self.scopes($0, kind) } ?? Self.scopes(kind, allow)
        let path = callbackPath(id, in: &section)
        guard let issuer, let client, let credential else { return nil }
        return ProviderSettings(
            kind: kind, id: id, title: title, issuer: issuer, client: client, credential: credential, scopes: scopes,
            claims: claims, allowList: allow, callbackPath: path)
    }

    /// The value of a key that has to be there.
    private func required(_ key: String, in section: inout ConfigurationSection) -> ConfigurationValue? {
        let value = section.value(key)
        if value == nil { context.refuse(section.path.key(key), line: section.line, "is missing") }
        return value
    }

    /// Which claim says what: the usual ones of this kind, unless the section names others.
    func claims(_ kind: ProviderKind, in section: inout ConfigurationSection) -> OpenIDClaims {
        var claims = OpenIDClaims.standard(kind)
        if kind == .oidc || kind == .entra || kind == .okta, let value = section.value("user_claim") {
            switch value.nonEmptyString() {
            case "email"?: claims.userClaim = .verifiedEmail
            case let name?: claims.userClaim = .exact(name)
            case nil: break
            }
        }
        if kind == .oidc || kind == .okta, let name = section.value("groups_claim")?.nonEmptyString() {
            claims.groupsClaim = name
        }
        claims.needs = [claims.userClaim.name, claims.groupsClaim].compactMap { $0 } + ["email"]
        return claims
    }

    private func scopes(_ value: ConfigurationValue, _ kind: ProviderKind) -> [String]? {
        guard let scopes = value.strings() else { return nil }
        guard kind != .github else {
            value.refuse("the scopes for GitHub follow from the allow-list", hint: "leave the key out")
            return nil
        }
        let isWhole = scopes.allSatisfy { scope in
            !scope.isEmpty && scope.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        }
        guard isWhole, scopes.contains("openid") else {
            value.refuse("the list must hold openid, and each entry is one scope", hint: "[openid, profile, email]")
            return nil
        }
        return scopes
    }

    private static func scopes(_ kind: ProviderKind, _ allow: AllowList) -> [String] {
        let basic = ["openid", "profile", "email"]
        switch kind {
        case .okta: return basic + ["offline_access"] + (allow.names(.group) ? ["groups"] : [])
        case .entra: return basic + ["offline_access"]
        default: return basic
        }
    }

    private func callbackPath(_ id: String, in section: inout ConfigurationSection) -> String {
        let own = "/callback/\(id)"
        guard let value = section.value("callback_path") else { return own }
        return value.word(among: [own, "/callback"]) ?? own
    }
}

extension OpenIDClaims {
    /// What a kind of provider says where.
    static func standard(_ kind: ProviderKind) -> OpenIDClaims {
        switch kind {
        case .google: OpenIDClaims(userClaim: .verifiedEmail, domainClaim: "hd", needs: ["email"])
        // Entra does not say that it verified an address; the sign-in name is its directory's own.
        case .entra:
            OpenIDClaims(userClaim: .directoryAddress("preferred_username"), groupsClaim: "groups", needs: [])
        default: OpenIDClaims(userClaim: .verifiedEmail, groupsClaim: "groups", needs: ["email", "groups"])
        }
    }
}
