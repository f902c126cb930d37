import Crypto
import HTTP
import JSON

/// Takes tokens of other authorization servers, and of our own where there is one. A token says by `iss` whose it is; that is
/// believed only as far as to ask that issuer's keys.
package final class IssuerSelectingVerifier: AccessTokenVerifier {
    private let issuers: [ExternalIssuerVerifier]
    private let own: (any AccessTokenVerifier)?

    /// `own` verifies what this server issues; nil where it issues nothing.
    package init(_ issuers: [ExternalIssuerVerifier], own: (any AccessTokenVerifier)?) {
        self.issuers = issuers
        self.own = own
    }

    package func verify(
        _ token: String, for resource: String, issuer origin: String
    ) async throws(AccessTokenRejection) -> Principal {
        let digest = SHA256.digest(Array(token.utf8))
        for issuer in issuers {
            if let known = issuer.finding(digest) {
                return try issuer.principal(known, resource: resource, origin: origin)
            }
        }
        let jws = try? UnverifiedJWS(Array(token.utf8))  // what is no JWS may be an opaque token
        guard let issuer = issuer(of: jws, token) else {
            guard let own else { throw AccessTokenRejection(.invalid, detail: "of no issuer that is known") }
            return try await own.verify(token, for: resource, issuer: origin)
        }
        let finding = try await issuer.examine(token, jws, digest: digest)
        return try issuer.principal(finding, resource: resource, origin: origin)
    }

    /// Bound tokens are ours or nobody's.
    package func verify(
        _ token: String, boundTo thumbprint: String, for resource: String, issuer origin: String
    ) async throws(AccessTokenRejection) -> Principal {
        guard let own else { throw AccessTokenRejection(.invalid, detail: "bound tokens are not known here") }
        return try await own.verify(token, boundTo: thumbprint, for: resource, issuer: origin)
    }

    /// Whose token it is; nil where it can only be ours. What we made ourselves is never shown to anybody else.
    private func issuer(of jws: UnverifiedJWS?, _ token: String) -> ExternalIssuerVerifier? {
        guard let jws else {
            return token.utf8.starts(with: "sp_".utf8) ? nil : issuers.first { $0.issuer.isAsked }
        }
        // A payload that cannot be read has no issuer.
        guard let named = try? jws.unverifiedClaims()["iss"]?.stringBytes else { return nil }
        return issuers.first { named.elementsEqual($0.issuer.issuer.text.utf8) }
    }
}
