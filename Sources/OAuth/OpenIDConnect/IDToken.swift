import Crypto
package import JSON
package import Telemetry

/// Why an ID token proves nothing. For our log: the user learns that the sign-in could not be verified.
package enum IDTokenRejection: Error, Sendable, Hashable {
    case signature(JWSRejection)
    /// It names no key, and several could have signed it.
    case ambiguousKey
    case type, issuer, subject, audience, authorizedParty, expired, issuedAt, notYetValid, nonce, accessTokenHash
}

/// An ID token that its provider signed for us, for this one login (OpenID Connect Core §3.1.3.7).
package struct IDToken: Sendable {
    /// How far clocks may differ.
    package static let skew = Duration.seconds(60)
    private static let maximumSubjectBytes = 255

    /// `sub`: never reassigned by its issuer.
    package let subject: String
    /// Everything that it says.
    package let claims: JSONNode

    /// What an ID token has to agree with.
    package struct Expectation: Sendable {
        /// Byte for byte.
        package var issuer: String
        /// Our `client_id` there.
        package var client: String
        /// Of this login; nil after a refresh, which has none (§12.2).
        package var nonce: String?
        /// The access token that came with it.
        package var accessToken: String?

        /// Collects what was asked for.
        package init(issuer: String, client: String, nonce: String?, accessToken: String?) {
            self.issuer = issuer
            self.client = client
            self.nonce = nonce
            self.accessToken = accessToken
        }
    }

    /// Checks `jws` with the keys that may have signed it.
    package init(
        _ jws: UnverifiedJWS, keys: [JSONWebKey], expecting expected: Expectation, at now: Timestamp
    ) throws(IDTokenRejection) {
        // Access tokens and logout tokens of the same issuer say so in their type.
        guard jws.type == nil || jws.type == "jwt" else { throw .type }
        // Without a name any key of the algorithm might be meant, and trying them all is how keys get confused.
        if jws.keyID == nil, keys.filter({ $0.key.algorithm == jws.algorithm }).count > 1 { throw .ambiguousKey }
        let claims: JSONNode
        do throws(JWSRejection) {
            claims = try jws.verified(by: keys)
        } catch {
            throw .signature(error)
        }
        guard claims["iss"]?.stringBytes?.elementsEqual(expected.issuer.utf8) == true else { throw .issuer }
        guard let subject = claims["sub"]?.string, (1...Self.maximumSubjectBytes).contains(subject.utf8.count) else {
            throw .subject
        }
        try Self.checkAudience(claims, client: expected.client)
        try Self.checkTimes(claims, at: now)
        if let nonce = expected.nonce {
            guard let sent = claims["nonce"]?.stringBytes, ConstantTime.equals(sent, Array(nonce.utf8)) else {
                throw .nonce
            }
        }
        try Self.checkHash(claims, jws, accessToken: expected.accessToken)
        self.subject = subject
        self.claims = claims
    }

    // §3.1.3.7, 3–5: for us; when it is for others too, it has to say that it was made for us.
    private static func checkAudience(_ claims: JSONNode, client: String) throws(IDTokenRejection) {
        guard let audience = claims["aud"] else { throw .audience }
        let entries = audience.isArray ? Array(audience.elements) : [audience]
        let all = entries.compactMap(\.stringBytes)
        guard all.count == entries.count, all.contains(where: { $0.elementsEqual(client.utf8) }) else {
            throw .audience
        }
        let party = claims["azp"]
        if party == nil, all.count == 1 { return }
        guard party?.stringBytes?.elementsEqual(client.utf8) == true else { throw .authorizedParty }
    }

    private static func checkTimes(_ claims: JSONNode, at now: Timestamp) throws(IDTokenRejection) {
        guard let expires = time(claims["exp"]), now < expires + skew else { throw .expired }
        guard let issued = time(claims["iat"]), issued <= now + skew else { throw .issuedAt }
        if let claim = claims["nbf"] {
            guard let time = time(claim), time <= now + skew else { throw .notYetValid }
        }
    }

    // §3.1.3.8: the left half of the access token's digest; optional in the code flow, never wrong.
    private static func checkHash(
        _ claims: JSONNode, _ jws: UnverifiedJWS, accessToken: String?
    ) throws(IDTokenRejection) {
        guard let claim = claims["at_hash"], let accessToken, jws.algorithm != .edDSA else { return }
        let half = SHA256.digest(Array(accessToken.utf8)).bytes.prefix(16)
        guard claim.stringBytes?.elementsEqual(Base64URL.encode(Array(half)).utf8) == true else {
            throw .accessTokenHash
        }
    }

    /// NumericDate (RFC 7519 §2), fractions cut off.
    private static func time(_ claim: JSONNode?) -> Timestamp? {
        guard let seconds = claim?.number, seconds > 0, seconds < 100_000_000_000 else { return nil }
        return Timestamp(secondsSinceEpoch: Int64(seconds))
    }
}
