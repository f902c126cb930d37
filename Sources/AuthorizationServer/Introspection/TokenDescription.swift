import HTTP
import JSON
import OAuth
import Telemetry

/// An active token in the words of RFC 7662 §2.2. Whether a grant has ended is asked of the store, not of this process's
/// memory: the answer is true for every process.
struct TokenDescription {
    /// To whom it was issued; nil for an API key, which no client has.
    let client: ClientID?
    /// Whether it opens resources. A resource server that asks about a refresh token has been shown the wrong one.
    let isForResources: Bool
    /// The members beside `active`.
    let members: [JSONValue.Member]

    /// What `token` is; nil where it is not active, whatever the reason.
    static func find(_ token: String, service: AuthorizationService, origin: ServerOrigin) async throws
        -> TokenDescription?
    {
        if let refresh = try await refreshToken(token, service) { return refresh }
        if let access = try await accessToken(token, service) { return access }
        return try await apiKey(token, service, origin)
    }

    private static func refreshToken(_ token: String, _ service: AuthorizationService) async throws
        -> TokenDescription?
    {
        let now = service.now
        guard let (record, grant) = try await service.store.refreshToken(SecretDigest(of: token)),
            isLive(grant, at: now), service.configuration.rotation.permits(record, at: now)
        else { return nil }
        var members: [JSONValue.Member] = [
            .init("scope", .string(grant.scope.description)), .init("client_id", .string(grant.client.value)),
            .init("exp", .integer(grant.expiresAt.seconds)), .init("iat", .integer(record.issuedAt.seconds)),
            .init("sub", .string(grant.user.value)), .init("aud", audience(grant.resources)),
            .init("iss", .string(grant.issuer)),
        ]
        if let name = try await service.store.user(grant.user)?.shownName {
            members.append(.init("username", .string(name)))
        }
        if let thumbprint = grant.keyThumbprint { members.append(.init("cnf", ["jkt": .string(thumbprint)])) }
        return TokenDescription(client: grant.client, isForResources: false, members: members)
    }

    private static func accessToken(_ token: String, _ service: AuthorizationService) async throws
        -> TokenDescription?
    {
        let now = service.now
        guard let claims = verifiedClaims(token, service.keyring), let id = claims["grant"]?.string,
            let client = claims["client_id"]?.string, let expires = claims["exp"]?.integer, now.seconds < expires,
            let grant = try await service.store.grant(GrantID(id)), isLive(grant, at: now)
        else { return nil }
        var members: [JSONValue.Member] = [
            // A token that is bound to a key is worth nothing as a bearer (RFC 9449 §6.2).
            .init("token_type", claims["cnf"] == nil ? "Bearer" : "DPoP")
        ]
        for name in ["scope", "client_id", "exp", "iat", "nbf", "sub", "aud", "iss", "jti", "cnf"] as [StaticString] {
            if let value = claims[name] { members.append(.init(name.description, JSONValue(value))) }
        }
        if let name = claims["name"] { members.append(.init("username", JSONValue(name))) }
        return TokenDescription(client: ClientID(client), isForResources: true, members: members)
    }

    private static func verifiedClaims(_ token: String, _ keys: SigningKeyring) -> JSONNode? {
        do {
            return try CompactJWS.verify(Array(token.utf8), type: "at+jwt", keys: keys).root
        } catch {
            // Not one of ours: as unknown as any other text.
            return nil
        }
    }

    private static func apiKey(
        _ token: String, _ service: AuthorizationService, _ origin: ServerOrigin
    ) async throws -> TokenDescription? {
        let now = service.now
        guard let key = try await service.store.apiKey(SecretDigest(of: token)), key.revokedAt == nil,
            now < key.expiresAt, let user = try await service.store.user(key.user), !user.isDisabled
        else { return nil }
        // A key for every server has none by name; one that is not served any more is no audience.
        let named = service.resources.all.filter { resource in
            key.resources.isEmpty
                || key.resources.contains { $0.utf8.elementsEqual(resource.identifier(at: "").utf8) }
        }
        guard !named.isEmpty else { return nil }
        return TokenDescription(
            client: nil, isForResources: true,
            members: [
                .init("token_type", "Bearer"), .init("scope", .string(key.scope.description)),
                .init("exp", .integer(key.expiresAt.seconds)), .init("iat", .integer(key.createdAt.seconds)),
                .init("sub", .string(key.user.value)), .init("username", .string(user.shownName)),
                .init("aud", audience(named.map { $0.identifier(at: origin.description) })),
                .init("iss", .string(origin.description)),
                .init("jti", .string(key.id.value)),
            ])
    }

    private static func isLive(_ grant: GrantRecord, at now: Timestamp) -> Bool {
        grant.revokedAt == nil && now < grant.expiresAt
    }

    private static func audience(_ resources: [String]) -> JSONValue {
        resources.count == 1 ? .string(resources[0]) : .array(resources.map { .string($0) })
    }
}
