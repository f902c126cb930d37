import AuthorizationServer
import JSON
import OAuth

/// Reads `oauth.clients`: clients that are known without registering. The keys are those of RFC 7591 §2, and so are the
/// rules: what a client could not register cannot be configured either.
struct ClientReader {
    private static let texts = [
        "client_name", "token_endpoint_auth_signing_alg", "jwks_uri", "application_type", "client_uri", "logo_uri",
    ]
    private static let hints = [
        "id": "did you mean \"client_id\"?", "name": "did you mean \"client_name\"?",
        "secret": "did you mean \"client_secret\"?", "scope": "did you mean \"scopes\", a list?",
    ]

    let context: ConfigurationContext
    /// The names of the servers, for `resources`.
    let servers: [String]
    /// The resources that stand elsewhere, for the same.
    let elsewhere: [ProtectedResourceSettings]

    /// The clients of the list; problems go to the context.
    func clients(_ value: ConfigurationValue) -> [RegisteredClient] {
        var clients: [RegisteredClient] = []
        for entry in value.list() ?? [] {
            guard let client = client(entry) else { continue }
            guard !clients.contains(where: { $0.id == client.id }) else {
                entry.refuse("the client_id \"\(client.id)\" is there twice")
                continue
            }
            clients.append(client)
        }
        return clients
    }

    private func client(_ value: ConfigurationValue) -> RegisteredClient? {
        guard var section = value.section() else { return nil }
        let id = identifier(section.value("client_id"), of: value)
        let secret = section.value("client_secret").flatMap { self.secret($0) }
        let isFirstParty = section.value("first_party")?.boolean() ?? false
        let resources = section.value("resources").map { paths($0) }
        let members = members(&section, hasSecret: secret != nil)
        section.finish(hints: ClientReader.hints)
        guard let id, let metadata = metadata(members, value) else { return nil }
        guard metadata.tokenEndpointAuthMethod.usesSecret == (secret != nil) else {
            value.refuse(
                secret == nil
                    ? "token_endpoint_auth_method \(metadata.tokenEndpointAuthMethod.rawValue) needs client_secret"
                    : "client_secret has no use with token_endpoint_auth_method "
                        + metadata.tokenEndpointAuthMethod.rawValue)
            return nil
        }
        if let grant = metadata.unprovenGrantType {
            value.refuse("a client without client_secret, jwks or jwks_uri cannot have the grant type \(grant)")
            return nil
        }
        return RegisteredClient(
            configured: id, metadata: metadata, secret: secret, isFirstParty: isFirstParty,
            allowedResources: resources)
    }

    private func identifier(_ value: ConfigurationValue?, of client: ConfigurationValue) -> ClientID? {
        guard let value else {
            client.refuse("the key \"client_id\" is missing")
            return nil
        }
        guard let text = value.nonEmptyString() else { return nil }
        guard text.utf8.count <= 256, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            value.refuse("a client_id is at most 256 visible ASCII characters")
            return nil
        }
        return ClientID(text)
    }

    private func secret(_ value: ConfigurationValue) -> String? {
        guard let secret = value.secretText(in: context) else { return nil }
        guard !secret.isEmpty else {
            value.refuse("must not be empty")
            return nil
        }
        if secret.utf8.count < 16 {
            value.note("is short enough to be guessed", hint: "use 32 random characters: openssl rand -hex 16")
        }
        return secret
    }

    private func members(_ section: inout ConfigurationSection, hasSecret: Bool) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        for name in ClientReader.texts {
            if let text = section.value(name)?.nonEmptyString() { members.append(.init(name, .string(text))) }
        }
        if let uris = section.value("redirect_uris")?.strings() { members.append(.init("redirect_uris", list(uris))) }
        let grants = section.value("grant_types")?.strings() ?? ["authorization_code", "refresh_token"]
        members.append(.init("grant_types", list(grants)))
        if let scopes = section.value("scopes")?.strings() {
            members.append(.init("scope", .string(scopes.joined(separator: " "))))
        }
        let keys = section.value("jwks").flatMap { keySet($0) }
        if let keys { members.append(.init("jwks", keys)) }
        let hasKeys = keys != nil || members.contains { $0.key == "jwks_uri" }
        let usual = hasSecret ? "client_secret_basic" : hasKeys ? "private_key_jwt" : "none"
        let method = section.value("token_endpoint_auth_method")?.nonEmptyString() ?? usual
        members.append(.init("token_endpoint_auth_method", .string(method)))
        return members
    }

    private func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    private func metadata(_ members: [JSONValue.Member], _ value: ConfigurationValue) -> ClientMetadata? {
        do {
            let document = try JSONDocument(parsing: JSONValue.object(members).serialized())
            return try ClientMetadata(parsing: document)
        } catch let error as OAuthError {
            value.refuse(error.description)
        } catch {
            value.refuse("is not a client: \(error)")
        }
        return nil
    }

    /// A mapping in the file, or JSON text: `file:keys.json`.
    private func keySet(_ value: ConfigurationValue) -> JSONValue? {
        if case .mapping = value.node.content { return JSONValue(configuration: value.node) }
        guard let text = value.secretText(in: context) else { return nil }
        do {
            return JSONValue(try JSONDocument(parsing: Array(text.utf8)).root)
        } catch {
            value.refuse("is no JSON: \(error)", hint: "write the key set as a mapping, or file:PATH of its JSON")
            return nil
        }
    }

    private func paths(_ value: ConfigurationValue) -> [String] {
        (value.list() ?? []).compactMap { entry in
            guard let name = entry.nonEmptyString() else { return nil }
            if let resource = elsewhere.first(where: { $0.name == name || $0.identifier == name }) {
                return resource.identifier
            }
            let known = servers.isEmpty && elsewhere.isEmpty ? ["demo"] : servers
            if known.contains(name) { return "/\(name)/mcp" }
            if name == "/mcp" || known.contains(where: { name == "/\($0)/mcp" }) { return name }
            let near = Suggestion.nearest(to: name, among: known + elsewhere.map(\.name)).map {
                "did you mean \"\($0)\"?"
            }
            entry.refuse("there is no server named \"\(name)\"", hint: near)
            return nil
        }
    }
}

extension JSONValue {
    /// A value of a configuration file, whose scalars are texts.
    fileprivate init(configuration node: ConfigurationNode) {
        switch node.content {
        case .null: self = .null
        case .scalar(let text): self = .string(text)
        case .sequence(let elements): self = .array(elements.map { JSONValue(configuration: $0) })
        case .mapping(let entries):
            self = .object(entries.map { .init($0.key, JSONValue(configuration: $0.value)) })
        }
    }
}
