/// Why an ID-JAG is no grant. The client that shows one has authenticated, and has to tell its identity provider's
/// administrator what to mend: so it learns the reason, and nothing about other clients or issuers.
package enum IdentityAssertionRejection: Error, Sendable, Hashable {
    case unreadable(JWSRejection)
    case signature(JWSRejection)
    /// It names no key, and several could have signed it.
    case ambiguousKey
    case type, issuer, subject, audience, client, expired, issuedAt, lifetime, notYetValid, identifier, resource, scope
    case tenant, authorizationDetails, confirmation

    /// For `error_description`.
    package var explanation: String {
        switch self {
        case .unreadable: "the assertion is not a signed JWT that can be read"
        case .signature, .ambiguousKey: "the assertion is not signed with a key of its issuer"
        case .type: "typ of the assertion must be \(IdentityAssertion.type)"
        case .issuer: "assertions of this issuer are not taken here"
        case .subject: "sub of the assertion is missing or too long"
        case .audience: "aud of the assertion must be the issuer of this server and nothing else"
        case .client: "client_id of the assertion is not the client that authenticated"
        case .expired: "the assertion has expired, or does not say when it does"
        case .issuedAt: "iat of the assertion is missing, or later than now"
        case .lifetime: "the assertion is valid for longer than an hour"
        case .notYetValid: "the assertion is not valid yet"
        case .identifier: "jti of the assertion is missing or too long"
        case .resource: "resource of the assertion must name a protected resource of this server"
        case .scope: "scope of the assertion is not a list of scopes"
        case .tenant: "the assertion is of another tenant"
        case .authorizationDetails: "authorization_details are not understood here; use scope"
        case .confirmation: "cnf of the assertion must be the thumbprint of a key"
        }
    }

    /// For the log and the audit trail.
    package var reason: String {
        switch self {
        case .unreadable(let rejection): "unreadable_\(rejection.rawValue)"
        case .signature(let rejection): "signature_\(rejection.rawValue)"
        default: "\(self)"
        }
    }
}
