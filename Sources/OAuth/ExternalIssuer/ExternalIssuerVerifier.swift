import Crypto
import HTTP
import Synchronization
package import Telemetry

/// Takes the tokens of one other authorization server. What its issuer said is remembered for a short while under the
/// token's full SHA-256 (T09).
package final class ExternalIssuerVerifier: Sendable {
    /// What is remembered about a token.
    final class Finding: Sendable {
        /// Nil where the issuer says that it is none.
        let token: ExternalToken?
        let until: Timestamp

        init(_ token: ExternalToken?, until: Timestamp) {
            self.token = token
            self.until = until
        }
    }

    /// How long a token that is none is remembered as such, at most.
    private static let inactiveLifetime = Duration.seconds(10)

    let issuer: ExternalIssuer
    private let source: any ExternalTokenSource
    private let clock: WallClock
    private let cache: VerifiedTokenCache<Finding>
    private let logger = Logger(label: "external-issuer")
    private let isFailing = Atomic(false)

    /// Nothing is fetched before the first token comes: an issuer that is down does not keep us from starting.
    package convenience init(
        _ issuer: ExternalIssuer, documents: OutboundDocuments, clock: WallClock, cacheCapacity: Int = 20_000
    ) {
        let lifetime = DocumentLifetime(fresh: .seconds(300), kept: .seconds(86_400), pause: .seconds(60))
        let discovery = ProviderDiscovery(issuer: issuer.issuer, documents: documents, clock: clock)
        let source: any ExternalTokenSource
        switch issuer.verification {
        case .keySet(let place):
            let keys = RemoteKeySet(documents: documents, clock: clock, lifetime: lifetime) {
                () async throws(DocumentFailure) -> HTTPURL in
                if let place { return place }
                guard let found = try await discovery.metadata().keySetURI else {
                    throw DocumentFailure(.malformed, "\(issuer.issuer) names no jwks_uri")
                }
                return found
            }
            source = KeySetTokenSource(issuer: issuer, keys: keys, clock: clock)
        case .introspection(let access):
            source = IntrospectionTokenSource(
                issuer, access, discovery: discovery, documents: documents, clock: clock)
        }
        self.init(issuer, source: source, clock: clock, cacheCapacity: cacheCapacity)
    }

    init(_ issuer: ExternalIssuer, source: any ExternalTokenSource, clock: WallClock, cacheCapacity: Int) {
        self.issuer = issuer
        self.source = source
        self.clock = clock
        cache = VerifiedTokenCache(capacity: cacheCapacity)
    }

    /// What is remembered about a token and still counts.
    func finding(_ digest: Digest) -> Finding? {
        guard let finding = cache.token(digest), clock.now() < finding.until else { return nil }
        return finding
    }

    /// Finds out about a token; nil where the issuer says that it is none.
    func examine(
        _ token: String, _ jws: UnverifiedJWS?, digest: Digest
    ) async throws(AccessTokenRejection) -> Finding {
        do throws(AccessTokenRejection) {
            let found = try await source.examine(token, jws)
            note(failure: nil)
            let lifetime = found == nil ? min(source.cacheLifetime, Self.inactiveLifetime) : source.cacheLifetime
            let finding = Finding(found, until: clock.now() + lifetime)
            cache.insert(finding, for: digest)
            return finding
        } catch {
            if error.kind == .unavailable { note(failure: error.detail) }
            throw error
        }
    }

    /// The principal, where the token is good for `resource`.
    func principal(
        _ finding: Finding, resource: String, origin: String
    ) throws(AccessTokenRejection) -> Principal {
        guard let token = finding.token else { throw AccessTokenRejection(.invalid, detail: "not active") }
        try token.check(issuer, resource: resource, origin: origin, at: clock.now())
        return token.principal
    }

    /// Tells the log when the issuer goes away and when it comes back, not each time somebody notices.
    private func note(failure: String?) {
        guard isFailing.exchange(failure != nil, ordering: .relaxed) != (failure != nil) else { return }
        if let failure {
            logger.error(
                "tokens of an issuer cannot be verified",
                ["issuer": .string(issuer.issuer.text), "reason": .string(failure)])
        } else {
            logger.notice("tokens of an issuer can be verified again", ["issuer": .string(issuer.issuer.text)])
        }
    }
}
