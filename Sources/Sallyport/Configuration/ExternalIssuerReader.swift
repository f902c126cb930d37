import HTTP
import OAuth

/// Reads `oauth.external_issuers`: authorization servers whose tokens are taken here.
struct ExternalIssuerReader {
    private static let cacheRange = Duration.zero...Duration.seconds(300)

    let context: ConfigurationContext

    /// The issuers of the list; problems go to the context.
    func issuers(_ value: ConfigurationValue) -> [ExternalIssuer] {
        var issuers: [ExternalIssuer] = []
        for entry in value.list() ?? [] {
            guard let issuer = issuer(entry) else { continue }
            guard !issuers.contains(where: { $0.issuer == issuer.issuer }) else {
                entry.refuse("the issuer \(issuer.issuer) is there twice")
                continue
            }
            // An opaque token does not say whose it is, and must not be shown to a server that it is not for.
            guard !issuer.isAsked || !issuers.contains(where: \.isAsked) else {
                entry.refuse(
                    "only one issuer can be asked about tokens", hint: "let the others be verified by their keys")
                continue
            }
            issuers.append(issuer)
        }
        return issuers
    }

    private func issuer(_ value: ConfigurationValue) -> ExternalIssuer? {
        guard var section = value.section() else { return nil }
        let name = section.value("issuer")
        if name == nil {
            context.refuse(
                section.path.key("issuer"), line: section.line, "is missing",
                hint: "the iss of its tokens, like https://login.example.com/realms/main")
        }
        let url = name.flatMap { address($0) }
        let verification = verification(&section)
        let audiences = section.value("audiences")?.strings()
        let scopes = section.value("required_scopes")?.strings()
        let types = section.value("types").flatMap { self.types($0) }
        let acceptsMissing = section.value("insecure_accept_missing_audience")?.boolean()
        let claims = section.section("claims").map { mapping($0) }
        section.finish(hints: ["audience": "did you mean \"audiences\", a list?"])
        guard let url, let verification else { return nil }
        var issuer = ExternalIssuer(url, verification)
        issuer.audiences = audiences ?? []
        issuer.requiredScopes = scopes ?? []
        issuer.types = types ?? issuer.types
        issuer.acceptsMissingAudience = acceptsMissing ?? false
        issuer.claims = claims ?? issuer.claims
        return issuer
    }

    private func verification(_ section: inout ConfigurationSection) -> ExternalIssuer.Verification? {
        let place = section.value("jwks_uri")
        guard let introspection = section.section("introspection") else {
            guard let place else { return .keySet(at: nil) }
            return address(place).map { .keySet(at: $0) }
        }
        place?.refuse("there is introspection as well", hint: "keep one of them")
        return access(introspection).map { .introspection($0) }
    }

    private func access(_ section: ConfigurationSection) -> IntrospectionAccess? {
        var section = section
        let endpoint = section.value("endpoint")
        let url = endpoint.flatMap { address($0) }
        let client = section.value("client_id")
        let secret = section.value("client_secret")
        for (name, value) in [("client_id", client), ("client_secret", secret)] where value == nil {
            context.refuse(
                section.path.key(name), line: section.line, "is missing",
                hint: "introspection needs a client that may ask (RFC 7662 section 2.1)")
        }
        let cache = section.value("cache")?.duration(in: Self.cacheRange)
        section.finish()
        guard let client = client?.nonEmptyString(), let text = secret?.secretText(in: context),
            endpoint == nil || url != nil
        else { return nil }
        guard !text.isEmpty else {
            secret?.refuse("must not be empty")
            return nil
        }
        return IntrospectionAccess(endpoint: url, client: client, secret: text, cache: cache ?? .seconds(30))
    }

    private func address(_ value: ConfigurationValue) -> HTTPURL? {
        guard let text = value.nonEmptyString() else { return nil }
        guard let url = ProviderMetadata.trustworthy(text, beside: nil) else {
            value.refuse(
                "\"\(text)\" is not the address of an authorization server",
                hint: "an https URL; plain http is for a server on this machine")
            return nil
        }
        return url
    }

    private func types(_ value: ConfigurationValue) -> [String]? {
        guard let types = value.strings() else { return nil }
        // RFC 8725 §3.11: without a type an ID token could pass for an access token.
        guard !types.isEmpty, types.allSatisfy({ !$0.isEmpty }) else {
            value.refuse("at least one type must be named", hint: "like [at+jwt]; [at+jwt, JWT] for older issuers")
            return nil
        }
        return types.map { $0.lowercased() }
    }

    private func mapping(_ section: ConfigurationSection) -> ClaimMapping {
        var section = section
        var mapping = ClaimMapping()
        if let place = section.value("user")?.nonEmptyString() { mapping.user = [place] }
        if let place = section.value("name")?.nonEmptyString() { mapping.name = [place] }
        if let place = section.value("email")?.nonEmptyString() { mapping.email = [place] }
        if let place = section.value("groups")?.nonEmptyString() { mapping.groups = [place] }
        if let place = section.value("scope")?.nonEmptyString() { mapping.scope = [place] }
        if let place = section.value("client")?.nonEmptyString() { mapping.client = [place] }
        section.finish()
        return mapping
    }
}
