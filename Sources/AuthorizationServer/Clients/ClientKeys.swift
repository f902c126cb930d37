import HTTP
import JSON
import OAuth
import Telemetry

/// The keys by which clients sign: registered with them, or published at their `jwks_uri`.
///
/// A client rotates its keys by publishing the new one: a `kid` that is not in the set that we have makes us look again, at
/// most once a minute for each address (T03).
struct ClientKeys: Sendable {
    private static let refetchInterval = Duration.seconds(60)

    private let named: DocumentCache<JSONWebKeySet>
    private let configured: DocumentCache<JSONWebKeySet>
    private let clock: WallClock

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
        let known = try await cache.content(at: url) { nil }.candidates(keyID: keyID)
        guard known.isEmpty else { return known }
        return try await cache.content(at: url, notBefore: clock.now() - Self.refetchInterval) { nil }
            .candidates(keyID: keyID)
    }
}
