package import Crypto
package import JSON

/// Client metadata (RFC 7591 §2), from wherever it comes: a registration, a document of the client's own, or the
/// operator's configuration.
package struct ClientMetadata: Sendable, Hashable {
    /// `token_endpoint_auth_method`.
    package enum AuthenticationMethod: String, Sendable, CaseIterable {
        case none
        case clientSecretBasic = "client_secret_basic"
        case clientSecretPost = "client_secret_post"
        case privateKeyJWT = "private_key_jwt"

        /// Whether a secret that we issued proves the client.
        package var usesSecret: Bool { self == .clientSecretBasic || self == .clientSecretPost }
    }

    /// `application_type` (OpenID Connect Registration §2).
    package enum ApplicationType: String, Sendable {
        case native, web
    }

    package var clientName: String?
    /// At most ten; at least one for `authorization_code`.
    package var redirectURIs: [RedirectURI]
    package var grantTypes: [String]
    package var responseTypes: [String]
    package var tokenEndpointAuthMethod: AuthenticationMethod
    /// `token_endpoint_auth_signing_alg`; nil allows whatever the client's keys can.
    package var tokenEndpointAuthSigningAlgorithm: SignatureAlgorithm?
    /// `dpop_bound_access_tokens` (RFC 9449 §5.2): the client never wants a bearer token.
    package var isBoundToKeys: Bool
    package var applicationType: ApplicationType?
    package var scope: Scope?
    package var clientURI: String?
    package var logoURI: String?
    package var policyURI: String?
    package var termsOfServiceURI: String?
    package var contacts: [String]
    package var softwareID: String?
    package var softwareVersion: String?
    /// `jwks_uri`: https, never together with `jwks`.
    package var keySetURI: String?
    /// `jwks` as it was registered: public keys only.
    package var keySet: JSONValue?
    /// The keys of `keySet` that can be used here.
    package let keys: JSONWebKeySet

    /// Most redirect URIs of one client (policy).
    package static let maximumRedirectURIs = 10

    /// The grant types that a client may ask for; others are passed over (§3.2.1 lets us replace them).
    package static let knownGrantTypes = [
        "authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
        IdentityAssertion.grantType,
    ]

    /// The first of the grant types for which the client would have to authenticate and cannot.
    package var unprovenGrantType: String? {
        guard tokenEndpointAuthMethod == .none else { return nil }
        return ["client_credentials", IdentityAssertion.grantType].first { grantTypes.contains($0) }
    }

    /// Reads metadata; unknown members are ignored (§2), wrong ones refused with `invalid_redirect_uri` or
    /// `invalid_client_metadata` (§3.2.2). `defaultMethod` counts where no `token_endpoint_auth_method` is given.
    package init(
        parsing document: JSONDocument, defaultMethod: AuthenticationMethod = .clientSecretBasic
    ) throws(OAuthError) {
        let object = document.root
        guard object.isObject else { throw OAuthError(.invalidClientMetadata, "the body must be a JSON object") }
        try Self.refuseSoftwareStatement(object)
        grantTypes = try Self.grantTypes(object)
        let usesCodes = grantTypes.contains("authorization_code")
        redirectURIs = try Self.redirectURIs(object, isRequired: usesCodes)
        clientName = try Self.text(object, "client_name", maximum: 200)
        responseTypes = try Self.list(object, "response_types") ?? (usesCodes ? ["code"] : [])
        guard !usesCodes || responseTypes.contains("code") else {
            throw OAuthError(.invalidClientMetadata, "response_types must contain code")
        }
        isBoundToKeys = try Self.flag(object, "dpop_bound_access_tokens")
        applicationType = try Self.applicationType(object)
        scope = try Self.scope(object)
        clientURI = try Self.webAddress(object, "client_uri")
        logoURI = try Self.webAddress(object, "logo_uri")
        policyURI = try Self.webAddress(object, "policy_uri")
        termsOfServiceURI = try Self.webAddress(object, "tos_uri")
        contacts = try Self.list(object, "contacts") ?? []
        softwareID = try Self.text(object, "software_id", maximum: 200)
        softwareVersion = try Self.text(object, "software_version", maximum: 200)
        tokenEndpointAuthMethod = try Self.method(object) ?? defaultMethod
        tokenEndpointAuthSigningAlgorithm = try Self.signingAlgorithm(object)
        keySetURI = try Self.keySetURI(object)
        (keySet, keys) = try Self.keySet(object)
        try checkKeys()
        try checkApplicationType()
    }

    /// The metadata, as §3.2.1 wants it answered; reading it again gives the same.
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
            ("software_version", softwareVersion), ("jwks_uri", keySetURI),
            ("token_endpoint_auth_signing_alg", tokenEndpointAuthSigningAlgorithm?.rawValue),
        ]
        for (name, value) in optional {
            if let value { members.append(.init(name, .string(value))) }
        }
        if isBoundToKeys { members.append(.init("dpop_bound_access_tokens", true)) }
        if !contacts.isEmpty { members.append(.init("contacts", .array(contacts.map { .string($0) }))) }
        if let keySet { members.append(.init("jwks", keySet)) }
        return .object(members)
    }

    // RFC 7591 §2: keys come one way, and who signs assertions has some.
    private func checkKeys() throws(OAuthError) {
        guard keySet == nil || keySetURI == nil else {
            throw OAuthError(.invalidClientMetadata, "jwks and jwks_uri must not both be there")
        }
        guard tokenEndpointAuthMethod == .privateKeyJWT else { return }
        guard keySetURI != nil || !keys.keys.isEmpty else {
            throw OAuthError(
                .invalidClientMetadata,
                "private_key_jwt needs jwks_uri, or jwks with an RSA, P-256 or Ed25519 key for signatures")
        }
    }

    /// OpenID Connect Registration §2, as far as it protects anybody: who says `web` has servers, and a code for it never
    /// goes to a program on the user's machine. `native` may have https addresses too (RFC 8252 §7.2), as editors do; who
    /// says nothing predates the parameter in MCP and is held to neither.
    private func checkApplicationType() throws(OAuthError) {
        guard applicationType == .web else { return }
        guard redirectURIs.allSatisfy({ $0.scheme == "https" && !$0.isLocalHost }) else {
            throw OAuthError(
                .invalidRedirectURI,
                "application_type web allows https redirect URIs of other hosts only; register as native")
        }
    }
}
