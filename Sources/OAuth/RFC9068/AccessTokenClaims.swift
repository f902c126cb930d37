package import JSON
package import Telemetry

/// The claims of an access token (RFC 9068 §2.2).
package struct AccessTokenClaims: Sendable {
    package var issuer: String
    package var subject: UserID
    package var audience: [String]
    package var expires: Timestamp
    package var issuedAt: Timestamp
    package var id: TokenID
    package var client: ClientID
    package var scope: Scope
    /// Our own claim: the grant that the token came of, by which it is revoked.
    package var grant: GrantID
    package var name: String
    package var email: String?
    package var groups: [String]
    /// Our own claim: what an identity provider said that the access policy looks at, by the name of its claim.
    package var others: [String: [String]]
    /// The key to which the token is bound: `cnf.jkt` (RFC 9449 §6.1); nil for a bearer token.
    package var keyThumbprint: String?

    package init(
        issuer: String, subject: UserID, audience: [String], expires: Timestamp, issuedAt: Timestamp, id: TokenID,
        client: ClientID, scope: Scope, grant: GrantID, name: String, email: String?, groups: [String],
        others: [String: [String]] = [:], keyThumbprint: String? = nil
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audience = audience
        self.expires = expires
        self.issuedAt = issuedAt
        self.id = id
        self.client = client
        self.scope = scope
        self.grant = grant
        self.name = name
        self.email = email
        self.groups = groups
        self.others = others
        self.keyThumbprint = keyThumbprint
    }

    /// The payload. One audience is written as a string, which every verifier reads.
    package func serialized() -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("iss", .string(issuer)), .init("sub", .string(subject.value)),
            .init("aud", audience.count == 1 ? .string(audience[0]) : .array(audience.map { .string($0) })),
            .init("exp", .integer(expires.seconds)), .init("iat", .integer(issuedAt.seconds)),
            .init("jti", .string(id.value)), .init("client_id", .string(client.value)),
            .init("scope", .string(scope.description)), .init("grant", .string(grant.value)),
            .init("name", .string(name)),
        ]
        if let email { members.append(.init("email", .string(email))) }
        if !groups.isEmpty { members.append(.init("groups", .array(groups.map { .string($0) }))) }
        if !others.isEmpty { members.append(.init("claims", .texts(others))) }
        if let keyThumbprint { members.append(.init("cnf", ["jkt": .string(keyThumbprint)])) }
        return JSONValue.object(members).serialized()
    }
}

extension JSONValue {
    /// Texts by name, in the order of the names.
    package static func texts(_ named: [String: [String]]) -> JSONValue {
        .object(named.sorted { $0.key < $1.key }.map { .init($0.key, .array($0.value.map { .string($0) })) })
    }
}

extension JSONNode {
    /// Texts by name; what is no such thing is left out.
    package var namedTexts: [String: [String]] {
        guard isObject else { return [:] }
        var named: [String: [String]] = [:]
        for (key, value) in members {
            if let name = key.string { named[name] = value.elements.compactMap(\.string) }
        }
        return named
    }
}
