package import JSON

/// Client metadata as a client registers it (RFC 7591 §2).
package struct ClientMetadata: Sendable, Hashable {
    /// `token_endpoint_auth_method`.
    package enum AuthenticationMethod: String, Sendable {
        case none
        case clientSecretBasic = "client_secret_basic"
        case clientSecretPost = "client_secret_post"
    }

    /// `application_type` (OpenID Connect Registration §2).
    package enum ApplicationType: String, Sendable {
        case native, web
    }

    package var clientName: String?
    /// At least one, at most ten.
    package var redirectURIs: [RedirectURI]
    package var grantTypes: [String]
    package var responseTypes: [String]
    package var tokenEndpointAuthMethod: AuthenticationMethod
    package var applicationType: ApplicationType?
    package var scope: Scope?
    package var clientURI: String?
    package var logoURI: String?
    package var policyURI: String?
    package var termsOfServiceURI: String?
    package var contacts: [String]
    package var softwareID: String?
    package var softwareVersion: String?

    /// Most redirect URIs of one client (policy).
    package static let maximumRedirectURIs = 10

    /// Reads a registration; unknown members are ignored (§2), wrong ones refused with `invalid_redirect_uri` or
    /// `invalid_client_metadata` (§3.2.2).
    package init(parsing document: JSONDocument) throws(OAuthError) {
        let object = document.root
        guard object.isObject else { throw OAuthError(.invalidClientMetadata, "the body must be a JSON object") }
        guard object["software_statement"] == nil else {
            throw OAuthError(.invalidSoftwareStatement, "software statements are not supported; register without one")
        }
        redirectURIs = try Self.redirectURIs(object)
        clientName = try Self.text(object, "client_name", maximum: 200)
        grantTypes = try Self.list(object, "grant_types") ?? ["authorization_code"]
        responseTypes = try Self.list(object, "response_types") ?? ["code"]
        guard grantTypes.contains("authorization_code") else {
            throw OAuthError(.invalidClientMetadata, "grant_types must contain authorization_code")
        }
        guard responseTypes.contains("code") else {
            throw OAuthError(.invalidClientMetadata, "response_types must contain code")
        }
        let method = try Self.text(object, "token_endpoint_auth_method", maximum: 100)
        guard let known = AuthenticationMethod(rawValue: method ?? "client_secret_basic") else {
            throw OAuthError(
                .invalidClientMetadata,
                "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post")
        }
        tokenEndpointAuthMethod = known
        applicationType = try Self.applicationType(object)
        scope = try Self.scope(object)
        clientURI = try Self.webAddress(object, "client_uri")
        logoURI = try Self.webAddress(object, "logo_uri")
        policyURI = try Self.webAddress(object, "policy_uri")
        termsOfServiceURI = try Self.webAddress(object, "tos_uri")
        contacts = try Self.list(object, "contacts") ?? []
        softwareID = try Self.text(object, "software_id", maximum: 200)
        softwareVersion = try Self.text(object, "software_version", maximum: 200)
    }

    /// The registered metadata, as §3.2.1 wants it answered.
    package func json() -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("redirect_uris", .array(redirectURIs.map { .string($0.text) })),
            .init("grant_types", .array(grantTypes.map { .string($0) })),
            .init("response_types", .array(responseTypes.map { .string($0) })),
            .init("token_endpoint_auth_method", .string(tokenEndpointAuthMethod.rawValue)),
        ]
        let optional = [
            ("client_name", clientName), ("application_type", applicationType?.rawValue),
            ("scope", scope?.description), ("client_uri", clientURI), ("logo_uri", logoURI),
            ("policy_uri", policyURI), ("tos_uri", termsOfServiceURI), ("software_id", softwareID),
            ("software_version", softwareVersion),
        ]
        for (name, value) in optional {
            if let value { members.append(.init(name, .string(value))) }
        }
        if !contacts.isEmpty { members.append(.init("contacts", .array(contacts.map { .string($0) }))) }
        return .object(members)
    }
}

// MARK: - Reading members

extension ClientMetadata {
    private static func redirectURIs(_ object: JSONNode) throws(OAuthError) -> [RedirectURI] {
        guard let array = object["redirect_uris"], array.isArray, array.count > 0 else {
            throw OAuthError(.invalidRedirectURI, "redirect_uris must be a list of at least one redirect URI")
        }
        guard array.count <= maximumRedirectURIs else {
            throw OAuthError(.invalidRedirectURI, "redirect_uris may hold at most \(maximumRedirectURIs) URIs")
        }
        var uris: [RedirectURI] = []
        for element in array.elements {
            guard let text = element.string else {
                throw OAuthError(.invalidRedirectURI, "redirect_uris must hold strings")
            }
            uris.append(try RedirectURI(parsing: text))
        }
        return uris
    }

    /// OpenID Connect Registration §2 ties each type to kinds of redirect URI. Not held to here: native editors register
    /// an https page beside their loopback address, and web applications are developed on localhost.
    private static func applicationType(_ object: JSONNode) throws(OAuthError) -> ApplicationType? {
        guard let text = try text(object, "application_type", maximum: 20) else { return nil }
        guard let type = ApplicationType(rawValue: text) else {
            throw OAuthError(.invalidClientMetadata, "application_type must be native or web")
        }
        return type
    }

    private static func text(_ object: JSONNode, _ name: StaticString, maximum: Int) throws(OAuthError) -> String? {
        guard let node = object[name], !node.isNull else { return nil }
        guard let text = node.string, text.utf8.count <= maximum else {
            throw OAuthError(.invalidClientMetadata, "\(name) must be a string of at most \(maximum) bytes")
        }
        return text
    }

    private static func scope(_ object: JSONNode) throws(OAuthError) -> Scope? {
        guard let text = try text(object, "scope", maximum: 2000), !text.isEmpty else { return nil }
        do {
            return try Scope(parsing: text)
        } catch {
            // RFC 7591 §3.2.2 has no `invalid_scope`.
            throw OAuthError(.invalidClientMetadata, error.description)
        }
    }

    private static func list(_ object: JSONNode, _ name: StaticString) throws(OAuthError) -> [String]? {
        guard let node = object[name], !node.isNull else { return nil }
        let texts = node.elements.compactMap(\.string)
        guard node.isArray, texts.count == node.count, texts.count <= 20, texts.allSatisfy({ $0.utf8.count <= 200 })
        else { throw OAuthError(.invalidClientMetadata, "\(name) must be a list of at most 20 short strings") }
        return texts
    }

    private static func webAddress(_ object: JSONNode, _ name: StaticString) throws(OAuthError) -> String? {
        guard let text = try text(object, name, maximum: AbsoluteURI.maximumBytes), !text.isEmpty else { return nil }
        guard let uri = AbsoluteURI(text), uri.origin != nil, !uri.hasUserInformation else {
            throw OAuthError(.invalidClientMetadata, "\(name) must be an http or https address")
        }
        return text
    }
}
