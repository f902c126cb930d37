package import Crypto
import JSON
package import Telemetry

/// Why a client assertion proves nothing. For our log: the peer learns `invalid_client`.
package enum ClientAssertionRejection: Error, Sendable, Hashable {
    case signature(JWSRejection)
    case type, issuer, subject, audience, expired, lifetime, notYetValid, identifier, algorithm
}

/// A JWT by which a client proves that it holds a private key (RFC 7523 §2.2, with the audience of
/// draft-ietf-oauth-rfc7523bis): signed by a registered key, for our issuer alone, short-lived, and used once.
package struct ClientAssertion: Sendable {
    /// `client_assertion_type`.
    package static let type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    /// The longest that one may be valid: from `iat`, or from now on where it does not say since when (policy, T10).
    package static let maximumLifetime = Duration.seconds(300)
    /// How far clocks may differ.
    package static let skew = Duration.seconds(60)

    /// What a verified assertion leaves to do: its identifier must be used for the first time.
    package struct Proof: Sendable, Hashable {
        /// `jti`.
        package let id: String
        /// Until when `id` must be remembered.
        package let rememberUntil: Timestamp
    }

    private let jws: UnverifiedJWS
    /// Whom it says that it comes from: nothing proves it before `verify`.
    package let client: ClientID

    /// `kid`.
    package var keyID: [UInt8]? { jws.keyID }

    /// Takes an assertion apart. `typ` may be missing or `JWT`, as before draft-ietf-oauth-rfc7523bis; any other type is
    /// a token for another purpose.
    package init(_ text: String) throws(ClientAssertionRejection) {
        do {
            jws = try UnverifiedJWS(Array(text.utf8))
            let type = jws.type
            guard type == nil || type == "jwt" || type == "client-authentication+jwt" else {
                throw ClientAssertionRejection.type
            }
            guard let subject = try jws.unverifiedClaims()["sub"]?.string, !subject.isEmpty else {
                throw ClientAssertionRejection.subject
            }
            client = ClientID(subject)
        } catch let rejection as JWSRejection {
            throw .signature(rejection)
        } catch let rejection as ClientAssertionRejection {
            throw rejection
        } catch {
            throw .subject
        }
    }

    /// Checks the signature, then everything that it says. `audience` is our issuer, byte for byte, and nothing else may
    /// stand beside it. `algorithm` is `token_endpoint_auth_signing_alg`, where the client registered one.
    package func verify(
        by keys: [JSONWebKey], audience: String, algorithm: SignatureAlgorithm?, at now: Timestamp
    ) throws(ClientAssertionRejection) -> Proof {
        guard algorithm == nil || jws.algorithm == algorithm else { throw .algorithm }
        let claims: JSONNode
        do throws(JWSRejection) {
            claims = try jws.verified(by: keys)
        } catch {
            throw .signature(error)
        }
        guard claims["iss"]?.stringBytes?.elementsEqual(client.value.utf8) == true else { throw .issuer }
        guard claims["sub"]?.stringBytes?.elementsEqual(client.value.utf8) == true else { throw .subject }
        guard AssertionClaims.isAudience(claims["aud"], audience) else { throw .audience }
        let expires = try Self.checkTimes(claims, at: now)
        guard let id = claims["jti"]?.string, (1...256).contains(id.utf8.count) else { throw .identifier }
        return Proof(id: id, rememberUntil: expires + Self.skew)
    }

    // Clocks differ in `iat` and `nbf`; the lifetime is read by one clock, so there is nothing to forgive in it.
    private static func checkTimes(
        _ claims: JSONNode, at now: Timestamp
    ) throws(ClientAssertionRejection) -> Timestamp {
        guard let expires = AssertionClaims.time(claims["exp"]), now < expires else { throw .expired }
        for name in ["nbf", "iat"] {
            guard let claim = claims[name] else { continue }
            guard let time = AssertionClaims.time(claim), time <= now + skew else { throw .notYetValid }
        }
        let issued = AssertionClaims.time(claims["iat"]) ?? now
        guard expires <= issued + maximumLifetime else { throw .lifetime }
        return expires
    }
}
