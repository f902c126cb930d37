package import Telemetry

/// On whose behalf a request acts: a user through a client. A class, because every request passes one along and
/// copying a reference is cheaper than copying its fields; immutable.
package final class Principal: Sendable {
    package let user: UserID
    /// For people and logs.
    package let userName: String
    package let email: String?
    package let groups: [String]
    /// What else the access policy may look at, by the name of the claim.
    package let claims: [String: [String]]
    package let client: ClientID
    package let scope: Scope
    /// Nil where nothing was granted because nothing is protected.
    package let grant: GrantID?
    package let token: TokenID?
    package let expires: Timestamp

    package init(
        user: UserID, userName: String, email: String? = nil, groups: [String] = [],
        claims: [String: [String]] = [:], client: ClientID, scope: Scope,
        grant: GrantID? = nil, token: TokenID? = nil, expires: Timestamp
    ) {
        self.user = user
        self.userName = userName
        self.email = email
        self.groups = groups
        self.claims = claims
        self.client = client
        self.scope = scope
        self.grant = grant
        self.token = token
        self.expires = expires
    }

    /// Whoever comes, where the operator put another front door before this one (`sallyport bridge`).
    package static let anonymous = Principal(
        user: UserID("anonymous"), userName: "anonymous", client: ClientID("anonymous"), scope: Scope(tokens: []),
        expires: Timestamp(millisecondsSinceEpoch: .max))
}

extension Principal: Hashable {
    // Who acts, not by which token: a refreshed token continues the same sessions.
    package static func == (left: Principal, right: Principal) -> Bool {
        left === right || (left.user == right.user && left.client == right.client)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(user)
        hasher.combine(client)
    }
}
