import AuthorizationServer
import HTTP
import OAuth

/// Settings by environment variables alone, as the containers of other gateways have them. They count where no file says
/// otherwise: a file with `login` decides who logs in, a file with `public_url` decides the address.
///
/// They are read by way of the file's own readers, so the same rules hold.
struct EnvironmentSettings {
    let context: ConfigurationContext

    /// Fills in what the file left open.
    func apply(to configuration: inout Configuration) {
        if configuration.publicURL == nil, let (name, url) = publicURL {
            configuration.publicURL = url
            context.note(.root.key("public_url"), line: nil, "is \(url), as \(name) says")
        }
        guard configuration.login == nil else { return }
        let entries = [github, okta, openID].compactMap { $0 }
        guard !entries.isEmpty else { return }
        let list = ConfigurationNode(content: .sequence(entries), line: 0)
        let environment = ConfigurationContext(
            file: nil, directory: context.directory, environment: context.environment, limits: context.limits)
        let value = ConfigurationValue(
            node: list, line: 0, path: ConfigurationPath.root.key("login").key("providers"), context: environment)
        configuration.login = ProviderReader(context: environment).settings(in: value)
        for problem in environment.problems { context.adopt(problem) }
        context.note(
            .root.key("login").key("providers"), line: nil,
            "are those of the environment (\(Self.present(context.environment).joined(separator: ", "))); local accounts "
                + "are off", hint: "write login.providers into a configuration file to decide otherwise")
    }

    // MARK: The variables

    private static let marks = ["GITHUB_CLIENT_ID", "OKTA_CLIENT_ID", "MCP_OIDC_CLIENT_ID"]

    private static func present(_ environment: [String: String]) -> [String] {
        marks.filter { environment[$0]?.isEmpty == false }
    }

    // The gateway of seeds 001 and 002 has its authorization server at auth.BASE_DOMAIN.
    private var publicURL: (String, HTTPURL)? {
        for (name, prefix) in [("MCP_DOMAIN", ""), ("BASE_DOMAIN", "auth.")] {
            guard let domain = text(name) else { continue }
            if let url = try? WebOrigin.parse("https://\(prefix)\(domain)") { return (name, url) }  // refused below
            context.refuse(.root.key(name), line: nil, "\"\(domain)\" is not a domain", hint: "like mcp.example.com")
        }
        return nil
    }

    private var github: ConfigurationNode? {
        guard text("GITHUB_CLIENT_ID") != nil else { return nil }
        return Self.mapping([
            ("type", scalar("github")), ("client_id", variable("GITHUB_CLIENT_ID")),
            ("client_secret", variable("GITHUB_CLIENT_SECRET")),
            ("base_url", variable("GITHUB_BASE_URL")),
            ("allow", Self.mapping([("users", names("ALLOWED_GITHUB_USERS"))])),
        ])
    }

    private var okta: ConfigurationNode? {
        guard text("OKTA_CLIENT_ID") != nil else { return nil }
        return Self.mapping([
            ("type", scalar("okta")), ("issuer", variable("OKTA_ISSUER") ?? variable("OKTA_ORG_URL")),
            ("client_id", variable("OKTA_CLIENT_ID")), ("client_secret", variable("OKTA_CLIENT_SECRET")),
            ("private_key", variable("OKTA_PRIVATE_KEY")), ("private_key_id", variable("OKTA_PRIVATE_KEY_ID")),
            (
                "allow",
                Self.mapping([
                    ("users", names("OKTA_ALLOWED_USERS") ?? names("MCP_ALLOWED_USERS")),
                    ("groups", names("OKTA_ALLOWED_GROUPS")),
                ])
            ),
        ])
    }

    // Without an issuer it is Google, as in seed 004.
    private var openID: ConfigurationNode? {
        guard text("MCP_OIDC_CLIENT_ID") != nil else { return nil }
        let issuer = variable("MCP_OIDC_ISSUER")
        return Self.mapping([
            ("type", scalar(issuer == nil ? "google" : "oidc")), ("issuer", issuer),
            ("client_id", variable("MCP_OIDC_CLIENT_ID")), ("client_secret", variable("MCP_OIDC_CLIENT_SECRET")),
            ("allow", Self.mapping([("users", names("MCP_ALLOWED_USERS"))])),
        ])
    }

    // MARK: Nodes

    private func text(_ name: String) -> String? {
        context.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    // By reference, so that no value of the environment is taken for a reference itself. `file:PATH` in it works as in a
    // file.
    private func variable(_ name: String) -> ConfigurationNode? {
        text(name) == nil ? nil : scalar("${\(name)}")
    }

    // `alice,bob`; spaces around a name are nobody's.
    private func names(_ name: String) -> ConfigurationNode? {
        guard let text = text(name) else { return nil }
        let names = text.split(separator: ",").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }.filter { !$0.isEmpty }
        let literal = names.map { name in
            // One `$` stands for itself when it is written twice.
            scalar(name.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$"))
        }
        return ConfigurationNode(content: .sequence(literal), line: 0)
    }

    private func scalar(_ text: String) -> ConfigurationNode { ConfigurationNode(content: .scalar(text), line: 0) }

    private static func mapping(_ entries: [(String, ConfigurationNode?)]) -> ConfigurationNode {
        ConfigurationNode(
            content: .mapping(
                entries.compactMap { key, value in
                    value.map { ConfigurationNode.Entry(key: key, line: 0, value: $0) }
                }), line: 0)
    }
}
