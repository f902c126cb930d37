import JSON
import Telemetry

/// Tokens that are signed with a key of their issuer's set. The set is fetched again for a key that is not in it at most
/// once a minute, and kept for a day while the issuer is down (T03, F14).
struct KeySetTokenSource: ExternalTokenSource {
    let issuer: ExternalIssuer
    let keys: RemoteKeySet
    let clock: WallClock

    /// When keys that the issuer removed are noticed, beside the lifetime of the set.
    let cacheLifetime = Duration.seconds(60)

    func examine(_ token: String, _ jws: UnverifiedJWS?) async throws(AccessTokenRejection) -> ExternalToken? {
        guard let jws, let type = jws.type, issuer.types.contains(where: { $0.utf8.elementsEqual(type.utf8) }) else {
            throw AccessTokenRejection(.invalid, detail: "not an access token of this issuer")
        }
        let candidates: [JSONWebKey]
        do throws(DocumentFailure) {
            candidates = try await keys.candidates(keyID: jws.keyID)
        } catch {
            // Without keys nothing is known about the token, so nobody may say that it is bad either.
            throw AccessTokenRejection(.unavailable, detail: "no keys: \(error)")
        }
        return try ExternalToken(try claims(of: jws, candidates), of: issuer, isSigned: true, at: clock.now())
    }

    private func claims(of jws: UnverifiedJWS, _ keys: [JSONWebKey]) throws(AccessTokenRejection) -> JSONNode {
        do throws(JWSRejection) {
            return try jws.verified(by: keys)
        } catch {
            throw AccessTokenRejection(.invalid, detail: error.rawValue)
        }
    }
}
