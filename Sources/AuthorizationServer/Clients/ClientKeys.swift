import HTTP
import JSON
import OAuth
import Telemetry

/// The keys by which clients sign: registered with them, or published at their `jwks_uri`.
///
/// A client rotates its keys by publishing the new one: a `kid` that is not in the set that we have makes us look again, at
/// most once a minute for each address (T03). Where looking fails nothing is kept, so how often that is tried again has a
/// bound of its own: whoever registered the address of somebody else must not have us knock there for every request.
struct ClientKeys: Sendable {
    private static let refetchInterval = Duration.seconds(60)
    private static let fetchesPerMinute = 10

    private let named: DocumentCache<JSONWebKeySet>
    private let configured: DocumentCache<JSONWebKeySet>
    private let clock: WallClock
    private let limiter = RateLimiter<HTTPURL>(perMinute: fetchesPerMinute)

    init(fetcher: any PeerDocumentFetcher, clock: WallClock) {
        self.clock = clock
        func cache(_ kind: PeerDocumentKind) -> DocumentCache<JSONWebKeySet> {
            DocumentCache(limits: DocumentCacheLimits(), clock: clock) {
                (url: HTTPURL) async throws(PeerDocumentError) in
                let document = try await fetcher.fetch(url, as: kind)
                guard let parsed = try? JSONDocument(parsing: document.bytes),  // any error means the same here
                    let keys = JSONWebKeySet(parsed.root)
                else { throw .refused("not a key set") }
                return (keys, document.lifetime)
            }
        }
        named = cache(.clientKeys)
        configured = cache(.configuredClientKeys)
    }

    /// The keys of a client that may have signed a message with this `kid`; none where there is no such key.
    func keys(of client: RegisteredClient, keyID: [UInt8]?) async throws(PeerDocumentError) -> [JSONWebKey] {
        guard let address = client.metadata.keySetURI else { return client.metadata.keys.candidates(keyID: keyID) }
        guard let url = try? HTTPURL(address) else { throw .refused("jwks_uri is no address") }
        let cache = client.source == .configuration ? configured : named
        let admit = { [limiter, clock] in limiter.take(url, at: clock.now()) }
        let known = try await cache.content(at: url, admit: admit).candidates(keyID: keyID)
        guard known.isEmpty else { return known }
        return try await cache.content(at: url, notBefore: clock.now() - Self.refetchInterval, admit: admit)
            .candidates(keyID: keyID)
    }
}
