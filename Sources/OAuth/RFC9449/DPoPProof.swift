import Crypto
package import HTTP
import JSON
package import Telemetry

/// Why a proof proves nothing. For our log: the peer learns `invalid_dpop_proof`.
package enum DPoPRejection: Error, Sendable, Hashable {
    case signature(JWSRejection)
    case repeated, type, key, method, address, identifier, age, expired, accessToken
}

/// A proof that its sender holds a private key, for one request (RFC 9449 §4): verified by `verify`, and worth nothing until
/// its identifier is used for the first time.
package struct DPoPProof: Sendable {
    /// How far `iat` may be from now, in either direction: a proof counts for a minute, and clocks differ (§11.1).
    package static let window = Duration.seconds(60)
    private static let maximumIdentifierBytes = 256

    /// The thumbprint (RFC 7638) of the key: `jkt`.
    package let thumbprint: String
    /// `jti`.
    package let id: String
    /// Until when `id` must be remembered.
    package let rememberUntil: Timestamp

    /// The one proof of a request; nil where it carries none. Two are a rejection (§4.3.1).
    package static func find(in fields: HTTPFields) throws(DPoPRejection) -> String? {
        let values = fields.values("dpop")
        guard values.count <= 1 else { throw .repeated }
        return values.first
    }

    /// Checks everything of §4.3 that the proof itself and the request can show. `address` is the request's URI without query
    /// and fragment, as the client uses it; `accessToken` is what the request carries, at a protected resource.
    package static func verify(
        _ text: String, method: HTTPMethod, address: String, accessToken: String?, at now: Timestamp
    ) throws(DPoPRejection) -> DPoPProof {
        let key: JSONWebKey
        let claims: JSONNode
        do {
            let jws = try UnverifiedJWS(Array(text.utf8))
            guard jws.type == "dpop+jwt" else { throw DPoPRejection.type }
            guard let node = jws.header["jwk"], !JSONWebKey.holdsSecrets(node), let found = JSONWebKey(node) else {
                throw DPoPRejection.key
            }
            key = found
            claims = try jws.verified(by: [key])
        } catch let rejection as JWSRejection {
            throw .signature(rejection)
        } catch let rejection as DPoPRejection {
            throw rejection
        } catch {
            throw .key
        }
        guard claims["htm"]?.string?.utf8.elementsEqual(method.rawValue.utf8) == true else { throw .method }
        guard let target = claims["htu"]?.string, matches(target, address) else { throw .address }
        guard let id = claims["jti"]?.string, (1...maximumIdentifierBytes).contains(id.utf8.count) else {
            throw .identifier
        }
        guard let issuedAt = AssertionClaims.time(claims["iat"]), now - issuedAt < window, issuedAt - now <= window
        else { throw .age }
        try checkLimits(claims, at: now)
        try check(claims["ath"], accessToken)
        return DPoPProof(thumbprint: key.thumbprint, id: id, rememberUntil: issuedAt + window)
    }

    // §4.3.9: query and fragment are left out, scheme and host have no case, a default port is none.
    private static func matches(_ target: String, _ address: String) -> Bool {
        guard let target = AbsoluteURI(target), let address = AbsoluteURI(address), !target.hasUserInformation,
            let own = address.origin, let claimed = target.origin
        else { return false }
        return claimed.utf8.elementsEqual(own.utf8) && path(of: target).utf8.elementsEqual(path(of: address).utf8)
    }

    private static func path(of uri: AbsoluteURI) -> String { uri.path.isEmpty ? "/" : uri.path }

    // RFC 7519 §4.1.4, §4.1.5: not needed here, but where they are they count.
    private static func checkLimits(_ claims: JSONNode, at now: Timestamp) throws(DPoPRejection) {
        if let member = claims["exp"] {
            guard let expires = AssertionClaims.time(member), now - expires < window else { throw .expired }
        }
        if let member = claims["nbf"] {
            guard let start = AssertionClaims.time(member), start - now <= window else { throw .age }
        }
    }

    // §7: the proof is for this access token and no other.
    private static func check(_ member: JSONNode?, _ accessToken: String?) throws(DPoPRejection) {
        guard let accessToken else { return }
        let expected = Base64URL.encode(SHA256.digest(Array(accessToken.utf8)).bytes)
        guard member?.string?.utf8.elementsEqual(expected.utf8) == true else { throw .accessToken }
    }
}

/// Remembers which proofs were used. Its answer holds for every process that serves the same resource.
package protocol DPoPReplayGuard: Sendable {
    /// Whether `proof` is used for the first time. Throws where that cannot be known: then nothing goes on (R04).
    func isFirstUse(_ proof: DPoPProof) async throws -> Bool
}
