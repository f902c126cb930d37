import Crypto
import HTTP
import OAuth
import Telemetry

/// `grant_type=client_credentials` (OAuth 2.1 §4.2): a service account, which is a confidential client acting for itself.
///
/// Its tokens are for one resource, and there is no refresh token: it can ask again. Each issue is a grant of its own, so it
/// is listed, audited and revoked like any other.
struct ClientCredentialsGrant {
    static let type = "client_credentials"

    let service: AuthorizationService
    let issuer: TokenIssuer

    /// Issues a token to the client itself.
    func exchange(_ request: TokenRequest, client: AuthenticatedClient) async throws -> TokenResponse {
        // Whoever is nobody in particular cannot act for itself.
        guard client.isConfidential else {
            throw OAuthError(.unauthorizedClient, "a public client cannot act for itself")
        }
        let resource = try OwnResources(service: service, origin: issuer.origin).one(request, for: client.client)
        let scope = try OwnResources.scope(request, of: resource, for: client.client)
        let time = service.now
        let grant = GrantRecord(
            id: GrantID(Random.token("grant_")), user: UserID(serviceAccount: client.id), client: client.id,
            scope: scope, resources: [resource.uri], issuer: issuer.origin.description, grantedAt: time,
            expiresAt: time + service.configuration.accessTokenLifetime)
        guard try await service.store.open(grant, refreshToken: nil, at: time) == .opened else {
            throw OAuthError(.invalidGrant, "the grant could not be opened")
        }
        return try issuer.issue(
            grant, to: TokenSubject(client.client), narrowed: TokenNarrowing(all: grant), refresh: nil,
            detail: [("grant_type", ClientCredentialsGrant.type)])
    }
}

/// What a client may have by itself, without a user who decides (A13).
struct OwnResources {
    let service: AuthorizationService
    let origin: ServerOrigin

    /// The one resource of a request: the one that it names, or the only one that there is for this client.
    func one(_ request: TokenRequest, for client: RegisteredClient) throws(OAuthError) -> GrantedResource {
        let policy = ResourcePolicy(
            origin: origin, hosts: service.hosts, directory: service.resources, client: client)
        let resources = try request.resources.isEmpty ? policy.standing() : policy.resolve(request.resources)
        guard resources.count == 1, let resource = resources.first, request.resources.count <= 1 else {
            throw OAuthError(.invalidTarget, "name exactly one resource that this client may use")
        }
        return resource
    }

    /// What the resource offers and the client may have, or less when less is asked for.
    static func scope(
        _ request: TokenRequest, of resource: GrantedResource, for client: RegisteredClient
    ) throws(OAuthError) -> Scope {
        let allowed = Scope(tokens: resource.scopes.filter { client.metadata.scope?.contains($0) ?? true })
        guard let text = request["scope"] else { return allowed }
        let requested = try Scope(parsing: text)
        guard allowed.contains(requested) else {
            throw OAuthError(.invalidScope, "the scope is wider than what this client may have at this resource")
        }
        return requested
    }
}
