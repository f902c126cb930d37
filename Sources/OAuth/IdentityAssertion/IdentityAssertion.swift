import Crypto
import JSON
package import Telemetry

/// An Identity Assertion JWT Authorization Grant, ID-JAG: a JWT by which an identity provider lets one client act for one of
/// its users at this server (RFC 7523 §2.1 with draft-ietf-oauth-identity-assertion-authz-grant §3; MCP's
/// enterprise-managed authorization). Taken apart, and not believed before `verify`.
package struct IdentityAssertion: Sendable {
    /// `grant_type` (RFC 7523 §2.1).
    package static let grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    /// The value in `authorization_grant_profiles_supported` (draft §7.2).
    package static let profile = "urn:ietf:params:oauth:grant-profile:id-jag"
    /// From `iat` to `exp` (policy): its identifier is remembered for so long.
    package static let maximumLifetime = Duration.seconds(3600)
    /// How far clocks may differ.
    package static let skew = Duration.seconds(60)

    static let type = "oauth-id-jag+jwt"
    private static let maximumSubjectBytes = 255
    private static let maximumResources = 20

    /// What an ID-JAG has to agree with.
    package struct Expectation: Sendable {
        /// `iss`, byte for byte.
        package var issuer: String
        /// Our own issuer: `aud`, byte for byte and alone.
        package var audience: String
        /// Who authenticated: `client_id`.
        package var client: ClientID
        /// `tenant`, for issuers that serve several (§6); nil where the issuer has one.
        package var tenant: String?

        /// Collects it.
        package init(issuer: String, audience: String, client: ClientID, tenant: String?) {
            self.issuer = issuer
            self.audience = audience
            self.client = client
            self.tenant = tenant
        }
    }

    /// What a verified one says.
    package struct Verified: Sendable {
        /// The user, and what the issuer says about them.
        package let user: LoginClaims
        /// `jti`: it must be used for the first time.
        package let id: String
        /// Until when `id` must be remembered.
        package let rememberUntil: Timestamp
        /// `resource`: at least one.
        package let resources: [String]
        /// `scope`; nil where the issuer leaves it to us.
        package let scope: Scope?
        /// `cnf.jkt`: the key whose holder alone may use it (§8.6).
        package let keyThumbprint: String?
    }

    private let jws: UnverifiedJWS
    /// Whose it says that it is: only to learn whose keys to ask for.
    package let claimedIssuer: String

    /// `kid`.
    package var keyID: [UInt8]? { jws.keyID }

    /// Takes one apart. Its type tells it from every other token of the same issuer (RFC 8725 §3.11).
    package init(_ text: String) throws(IdentityAssertionRejection) {
        do throws(JWSRejection) {
            jws = try UnverifiedJWS(Array(text.utf8))
            claimedIssuer = try jws.unverifiedClaims()["iss"]?.string ?? ""
        } catch {
            throw .unreadable(error)
        }
        guard jws.type == Self.type else { throw .type }
    }

    /// Checks the signature, then everything that it says (RFC 7521 §5.2, draft §4.4.1).
    package func verify(
        by keys: [JSONWebKey], expecting expected: Expectation, at now: Timestamp
    ) throws(IdentityAssertionRejection) -> Verified {
        let claims = try signed(by: keys)
        guard claims["iss"]?.stringBytes?.elementsEqual(expected.issuer.utf8) == true else { throw .issuer }
        guard AssertionClaims.isAudience(claims["aud"], expected.audience) else { throw .audience }
        guard claims["client_id"]?.stringBytes?.elementsEqual(expected.client.value.utf8) == true else { throw .client }
        guard let subject = claims["sub"]?.string, (1...Self.maximumSubjectBytes).contains(subject.utf8.count) else {
            throw .subject
        }
        // §6.3: there `sub` is unique only together with the tenant, so one tenant is all that may speak.
        guard Self.agree(claims["tenant"], expected.tenant) else { throw .tenant }
        let expires = try Self.checkTimes(claims, at: now)
        guard let id = claims["jti"]?.string, (1...256).contains(id.utf8.count) else { throw .identifier }
        // Limits that nobody here can read must not be dropped (RFC 9396 §5).
        guard claims["authorization_details"] == nil else { throw .authorizationDetails }
        return Verified(
            user: LoginClaims(subject: subject, signed: claims, asked: nil), id: id,
            rememberUntil: expires + Self.skew, resources: try Self.resources(claims["resource"]),
            scope: try Self.scope(claims["scope"]), keyThumbprint: try Self.thumbprint(claims["cnf"]))
    }

    // MARK: Steps

    private func signed(by keys: [JSONWebKey]) throws(IdentityAssertionRejection) -> JSONNode {
        // Without a name any key of the algorithm might be meant, and trying them all is how keys get confused.
        if jws.keyID == nil, keys.filter({ $0.key.algorithm == jws.algorithm }).count > 1 { throw .ambiguousKey }
        do throws(JWSRejection) {
            return try jws.verified(by: keys)
        } catch {
            throw .signature(error)
        }
    }

    private static func agree(_ claim: JSONNode?, _ expected: String?) -> Bool {
        guard let claim else { return expected == nil }
        guard let expected else { return false }
        return claim.stringBytes?.elementsEqual(expected.utf8) == true
    }

    private static func checkTimes(
        _ claims: JSONNode, at now: Timestamp
    ) throws(IdentityAssertionRejection) -> Timestamp {
        guard let expires = AssertionClaims.time(claims["exp"]), now < expires else { throw .expired }
        guard let issued = AssertionClaims.time(claims["iat"]), issued <= now + skew else { throw .issuedAt }
        guard expires <= issued + maximumLifetime else { throw .lifetime }
        if let claim = claims["nbf"] {
            guard let time = AssertionClaims.time(claim), time <= now + skew else { throw .notYetValid }
        }
        return expires
    }

    // Optional in the draft and required by MCP §4.3: without it the grant would be for whatever the client asks.
    private static func resources(_ claim: JSONNode?) throws(IdentityAssertionRejection) -> [String] {
        guard let claim else { throw .resource }
        let entries = claim.isArray ? Array(claim.elements.prefix(maximumResources + 1)) : [claim]
        let texts = entries.compactMap(\.string).filter { !$0.isEmpty }
        guard (1...maximumResources).contains(entries.count), texts.count == entries.count else { throw .resource }
        return texts
    }

    private static func scope(_ claim: JSONNode?) throws(IdentityAssertionRejection) -> Scope? {
        guard let claim else { return nil }
        guard let text = claim.string, let scope = try? Scope(parsing: text)  // every reason means the same
        else { throw .scope }
        return scope
    }

    private static func thumbprint(_ claim: JSONNode?) throws(IdentityAssertionRejection) -> String? {
        guard let claim else { return nil }
        // Another kind of confirmation cannot be shown here, and must not be taken for none.
        guard claim.isObject, claim.count == 1, let thumbprint = claim["jkt"]?.string, !thumbprint.isEmpty else {
            throw .confirmation
        }
        return thumbprint
    }
}
