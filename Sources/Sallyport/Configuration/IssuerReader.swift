import HTTP
import OAuth

/// Reads where a provider is: `issuer`, `base_url`, or a tenant.
struct IssuerReader {
    private static let google = "https://accounts.google.com"
    private static let github = "https://github.com"
    private static let entra = "https://login.microsoftonline.com"

    let context: ConfigurationContext

    /// The issuer; for GitHub the address of its web pages.
    func issuer(_ kind: ProviderKind, in section: inout ConfigurationSection) -> HTTPURL? {
        switch kind {
        case .github: return url(section.value("base_url"), default: Self.github, isOrigin: true)
        case .google: return url(section.value("issuer"), default: Self.google, isOrigin: false)
        case .entra: return entra(in: &section)
        default:
            guard let value = section.value("issuer") else {
                context.refuse(
                    section.path.key("issuer"), line: section.line, "is missing",
                    hint: kind == .okta
                        ? "like https://YOURS.okta.com/oauth2/default"
                        : "the URL before /.well-known/openid-configuration")
                return nil
            }
            return url(value, default: nil, isOrigin: false)
        }
    }

    private func url(_ value: ConfigurationValue?, default standard: String?, isOrigin: Bool) -> HTTPURL? {
        guard let text = value.map({ $0.nonEmptyString() }) ?? standard else { return nil }
        guard let url = ProviderMetadata.trustworthy(text, beside: nil), url.query == nil else {
            value?.refuse(
                "\"\(text)\" is not the address of an identity provider",
                hint: "an https URL; plain http is for a provider on this machine")
            return nil
        }
        guard !isOrigin || url.path.isEmpty || url.path == "/" else {
            value?.refuse("\"\(text)\" has a path", hint: "like https://github.example.com")
            return nil
        }
        return url
    }

    // One tenant, by the number that stands in its issuer. `common` would let the accounts of every company in the world
    // claim to be ours, and a domain name is not what the issuer says.
    private func entra(in section: inout ConfigurationSection) -> HTTPURL? {
        let authority = url(section.value("authority"), default: Self.entra, isOrigin: true)
        guard let value = section.value("tenant") else {
            context.refuse(
                section.path.key("tenant"), line: section.line, "is missing",
                hint: "the directory (tenant) ID on the overview page of the app registration")
            return nil
        }
        guard let tenant = value.nonEmptyString() else { return nil }
        let groups = tenant.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isHex = tenant.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || (0x41...0x46).contains($0) || $0 == 0x2D
        }
        guard isHex, groups.map(\.count) == [8, 4, 4, 4, 12] else {
            value.refuse(
                "\"\(tenant)\" does not name one directory",
                hint: "write its directory (tenant) ID, like 00000000-0000-0000-0000-000000000000")
            return nil
        }
        return authority.flatMap { try? HTTPURL("\($0.origin)/\(tenant)/v2.0") }  // an origin and digits are a URL
    }
}
