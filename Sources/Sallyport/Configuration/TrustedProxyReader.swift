import AsyncIO
import AuthorizationServer
import HTTP

/// Reads `type: trusted-proxy`.
struct TrustedProxyReader {
    let context: ConfigurationContext

    /// The login; nil with the reason recorded.
    func login(_ id: String, in section: inout ConfigurationSection) -> TrustedProxyLogin? {
        let user = header("user_header", in: &section) ?? HTTPFieldName(validating: "X-Forwarded-User")
        let email = header("email_header", in: &section)
        let groups = header("groups_header", in: &section)
        let networks = networks(in: &section)
        let title = section.value("title")?.nonEmptyString() ?? ProviderKind.trustedProxy.title
        let allow = AllowListReader(context: context).list(
            .trustedProxy, userClaim: .exact("user"), title: title, in: &section)
        guard let user, let networks else { return nil }
        return TrustedProxyLogin(
            id: id, title: title, userField: user, emailField: email, groupsField: groups, networks: networks,
            allowList: allow)
    }

    private func header(_ key: String, in section: inout ConfigurationSection) -> HTTPFieldName? {
        guard let value = section.value(key), let text = value.nonEmptyString() else { return nil }
        guard let name = HTTPFieldName(validating: text) else {
            value.refuse("\"\(text)\" is not the name of a header", hint: "like X-Forwarded-User")
            return nil
        }
        return name
    }

    private func networks(in section: inout ConfigurationSection) -> [CIDR]? {
        guard let value = section.value("from") else {
            context.refuse(
                section.path.key("from"), line: section.line, "is missing",
                hint:
                    "the addresses of the proxy, like [10.0.0.5, 172.18.0.0/16]; from anywhere else the header is ignored"
            )
            return nil
        }
        guard let entries = value.list() else { return nil }
        if entries.isEmpty { value.refuse("the list is empty: no proxy is trusted") }
        var networks: [CIDR] = []
        for entry in entries {
            guard let text = entry.nonEmptyString() else { continue }
            guard let network = CIDR(text) else {
                entry.refuse("\"\(text)\" is not a network", hint: "like 172.18.0.0/16")
                continue
            }
            if network.prefixLength == 0 {
                entry.refuse(
                    "\"\(text)\" is everybody: whoever reaches this server could be anybody",
                    hint: "name the addresses of the proxy")
            }
            networks.append(network)
        }
        return networks
    }
}
