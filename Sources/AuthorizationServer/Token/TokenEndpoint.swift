import HTTP
import OAuth
import Telemetry

/// `/token` (OAuth 2.1 §3.2): parse once, authenticate the client, then the grant. A grant takes an
/// `AuthenticatedClient`, so neither phase can be left out.
struct TokenEndpoint: HTTPResponder {
    let service: AuthorizationService
    /// Where it is asked when not at the issuer's own host: proofs are for that address (RFC 9449 §4.3).
    var site: ServerOrigin?

    /// Its own and that of servers that clients know already.
    static let paths = ["/token", "/oauth/token"]

    /// Puts it on its paths.
    func register(on router: inout HTTPRouter) {
        for path in Self.paths {
            router.on(.post, path, self)
            router.on(.options, path, Preflight(methods: "POST"))
        }
    }

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        do {
            let origin = try service.openOrigin(of: request)
            let parsed = try await TokenRequest.parse(request, body)
            let client = try await ClientAuthenticator(service: service, origin: origin).authenticate(parsed)
            let key = try await ProvenKey.find(in: request, origin: site ?? origin, service: service)
            guard key != nil || !client.client.metadata.isBoundToKeys else { throw ProvenKey.missing }
            let issuer = TokenIssuer(service: service, origin: origin, head: request, key: key)
            let tokens = try await exchange(parsed, client: client, issuer: issuer)
            try await service.store.markUsed(client.id, at: service.now)
            return JSONAnswer.make(.ok, tokens.json)
        } catch {
            service.metrics.refused(error)
            return service.answer(for: error, request: request)
        }
    }

    private func exchange(
        _ request: TokenRequest, client: AuthenticatedClient, issuer: TokenIssuer
    ) async throws -> TokenResponse {
        let type = try request.required("grant_type")
        guard service.configuration.grantTypes.contains(type) else {
            throw OAuthError(.unsupportedGrantType, "grant_type must be one of those in the metadata")
        }
        try client.require(grantType: type)
        let tokens = try await exchange(type, request, client: client, issuer: issuer)
        service.metrics.issued(type)
        return tokens
    }

    private func exchange(
        _ type: String, _ request: TokenRequest, client: AuthenticatedClient, issuer: TokenIssuer
    ) async throws -> TokenResponse {
        switch type {
        case "authorization_code":
            return try await AuthorizationCodeGrant(service: service, issuer: issuer).exchange(request, client: client)
        case "refresh_token":
            return try await RefreshTokenGrant(service: service, issuer: issuer).exchange(request, client: client)
        case ClientCredentialsGrant.type:
            return try await ClientCredentialsGrant(service: service, issuer: issuer).exchange(request, client: client)
        case DeviceCodeGrant.type:
            return try await DeviceCodeGrant(service: service, issuer: issuer).exchange(request, client: client)
        case JWTBearerGrant.type:
            return try await JWTBearerGrant(service: service, issuer: issuer).exchange(request, client: client)
        default:
            throw OAuthError(.unsupportedGrantType, "grant_type must be one of those in the metadata")
        }
    }
}

/// Answers CORS preflights of an endpoint that every origin may call.
struct Preflight: HTTPResponder {
    let methods: String

    func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
        CORS.preflight(methods: methods)
    }
}
