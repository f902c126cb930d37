import JSON
import OAuth

/// An access token that is presented to be revoked.
enum PresentedAccessToken {
    /// The grant of a token that we signed; an expired one too, because ending its grant is still what is asked for.
    static func grant(of token: String, keys: SigningKeyring) -> GrantID? {
        do {
            let claims = try CompactJWS.verify(Array(token.utf8), type: "at+jwt", keys: keys)
            return claims.root["grant"]?.string.map { GrantID($0) }
        } catch {
            // Not one of ours: as unknown as any other text.
            return nil
        }
    }
}
