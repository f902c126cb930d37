import JSON
import Telemetry

/// What RFC 7523 §3 demands of every assertion, whether it stands for a client or for a grant.
enum AssertionClaims {
    /// Whether `aud` is our issuer, as a text or as the only element of a list (draft-ietf-oauth-rfc7523bis): an assertion
    /// that is good at two servers could be carried from one to the other.
    static func isAudience(_ claim: JSONNode?, _ issuer: String) -> Bool {
        guard let claim else { return false }
        let only = claim.isArray && claim.count == 1 ? claim[0] : claim
        return only?.stringBytes?.elementsEqual(issuer.utf8) == true
    }

    /// NumericDate (RFC 7519 §2), fractions cut off: some libraries send the clock as they read it.
    static func time(_ claim: JSONNode?) -> Timestamp? {
        guard let seconds = claim?.number, seconds > 0, seconds < 100_000_000_000 else { return nil }
        return Timestamp(secondsSinceEpoch: Int64(seconds))
    }
}
