import Crypto
import JSON
package import Telemetry

/// Verifies our own access tokens: signature, type, issuer, audience, times, then the grant's state, on every
/// request. What a signature costs is paid once per token: the outcome is remembered under the token's full SHA-256.
package final class JWTAccessTokenVerifier: AccessTokenVerifier {
    /// Clocks of the processes behind one store may differ by this much.
    private static let skew = Duration.seconds(60)

    private let keys: any VerificationKeySource
    private let revocations: any RevocationState
    private let clock: WallClock
    private let directory: (any ProtectedResourceDirectory)?
    private let cache: VerifiedTokenCache<VerifiedToken>

    /// `directory` tells which resources elsewhere are protected from here: a token may be for several of ours.
    package init(
        keys: any VerificationKeySource, revocations: any RevocationState, clock: WallClock,
        directory: (any ProtectedResourceDirectory)? = nil, cacheCapacity: Int = 20_000
    ) {
        self.directory = directory
        self.keys = keys
        self.revocations = revocations
        self.clock = clock
        cache = VerifiedTokenCache(capacity: cacheCapacity)
    }

    package func verify(
        _ token: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        do throws(AccessTokenRejection) {
            return try bearer(verified(token, SHA256.digest(token.utf8.span), for: resource, issuer: issuer))
        } catch {
            guard error.kind == .unavailable, await revocations.catchUp() else { throw error }
        }
        return try bearer(verified(token, SHA256.digest(token.utf8.span), for: resource, issuer: issuer))
    }

    package func verifyAtOnce(
        _ token: PresentedToken, for resource: String, issuer: String
    ) throws(AccessTokenRejection) -> Principal? {
        do throws(AccessTokenRejection) {
            return try bearer(verified(token.text, token.digest, for: resource, issuer: issuer))
        } catch {
            // What came while the process stood still is not refused for that (F27).
            guard error.kind == .unavailable, revocations.isBehind else { throw error }
            return nil
        }
    }

    /// RFC 9449 §7.2: who stole a bound token must not be able to play down what it is.
    private func bearer(_ token: VerifiedToken) throws(AccessTokenRejection) -> Principal {
        guard token.keyThumbprint == nil else { throw AccessTokenRejection(.invalid, detail: "bound to a key") }
        return token.principal
    }

    package func verify(
        _ token: String, boundTo thumbprint: String, for resource: String, issuer: String
    ) async throws(AccessTokenRejection) -> Principal {
        let token = try verified(token, SHA256.digest(token.utf8.span), for: resource, issuer: issuer)
        guard let bound = token.keyThumbprint, bound.elementsEqual(thumbprint.utf8) else {
            throw AccessTokenRejection(.invalid, detail: "not bound to this key")
        }
        return token.principal
    }

    private func verified(
        _ token: String, _ digest: Digest, for resource: String, issuer: String
    ) throws(AccessTokenRejection) -> VerifiedToken {
        let verified: VerifiedToken
        if let known = cache.token(digest) {
            verified = known
        } else {
            verified = try read(Array(token.utf8))
            cache.insert(verified, for: digest)
        }
        try check(verified, resource: resource, issuer: issuer)
        return verified
    }

    /// What depends on the moment and the place is checked for remembered tokens too.
    private func check(_ token: VerifiedToken, resource: String, issuer: String) throws(AccessTokenRejection) {
        let now = clock.now()
        guard now < token.principal.expires else { throw AccessTokenRejection(.invalid, detail: "expired") }
        guard token.notBefore <= now + Self.skew else { throw AccessTokenRejection(.invalid, detail: "not valid yet") }
        guard keys.hasVerificationKey(id: token.keyID) else {
            throw AccessTokenRejection(.invalid, detail: "the key was removed")
        }
        guard token.issuer.hasBytes(of: issuer) else {
            throw AccessTokenRejection(.invalid, detail: "another issuer")
        }
        guard token.audience.contains(where: { $0.hasBytes(of: resource) }) else {
            throw AccessTokenRejection(.invalid, detail: "for another resource")
        }
        // Several resources of ours may be granted at once; one foreign audience spoils the token (T05).
        guard token.audience.count == 1 || token.audience.allSatisfy({ isOurs($0, issuer) }) else {
            throw AccessTokenRejection(.invalid, detail: "for a foreign resource too")
        }
        switch revocations.status(of: token.grant) {
        case .active: return
        case .revoked: throw AccessTokenRejection(.invalid, detail: "revoked")
        case .unknown: throw AccessTokenRejection(.unavailable, detail: "the state of the grant is not known")
        }
    }

    private func isOurs(_ audience: String, _ issuer: String) -> Bool {
        audience.utf8.starts(with: issuer.utf8) && audience.utf8.dropFirst(issuer.utf8.count).first == UInt8(ascii: "/")
            || directory?.isExternal(audience) == true
    }

    private func read(_ token: [UInt8]) throws(AccessTokenRejection) -> VerifiedToken {
        let verified: VerifiedJWS
        do {
            verified = try CompactJWS.open(token, type: "at+jwt", keys: keys)
        } catch {
            // A key that another process made while we could not read is not a reason to send the user away (T08).
            let kind: AccessTokenRejection.Kind =
                error == .unknownKey && !revocations.isCurrent ? .unavailable : .invalid
            throw AccessTokenRejection(kind, detail: error.rawValue)
        }
        guard let token = VerifiedToken(verified.payload.root, keyID: verified.keyID) else {
            throw AccessTokenRejection(.invalid, detail: "claims")
        }
        return token
    }
}
