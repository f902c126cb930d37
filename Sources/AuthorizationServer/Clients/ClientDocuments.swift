import AsyncIO
import HTTP
import OAuth
import Telemetry

/// Which clients may describe themselves by a document at their own address.
package struct ClientDocumentPolicy: Sendable {
    /// `client_id_metadata_documents.enabled`.
    package var isEnabled = true
    /// `allowed_hosts`: names, or `*.example.com` for everything below. Empty and `*` mean every host.
    package var allowedHosts: [String] = []
    /// Documents fetched because of one address in a minute.
    package var fetchesPerMinute = 60

    /// The defaults.
    package init() {}

    /// Whether clients of this host are taken.
    func permits(host: String) -> Bool {
        guard !allowedHosts.isEmpty else { return true }
        return allowedHosts.contains { pattern in
            guard pattern != "*" else { return true }
            guard pattern.utf8.starts(with: "*.".utf8) else { return pattern.utf8.elementsEqual(host.utf8) }
            // The dot belongs to it: `*.example.com` is not `badexample.com`, and not `example.com` itself.
            let suffix = pattern.utf8.dropFirst()
            return host.utf8.count > suffix.count && host.utf8.suffix(suffix.count).elementsEqual(suffix)
        }
    }
}

/// Clients that are known by their metadata documents.
struct ClientDocuments: Sendable {
    let policy: ClientDocumentPolicy
    private let cache: DocumentCache<ClientMetadata>
    private let limiter: AddressRateLimiter
    private let clock: WallClock

    init(
        policy: ClientDocumentPolicy, grants: GrantPolicy, fetcher: any PeerDocumentFetcher, clock: WallClock
    ) {
        self.policy = policy
        self.clock = clock
        limiter = AddressRateLimiter(perMinute: policy.fetchesPerMinute)
        cache = DocumentCache(limits: DocumentCacheLimits(), clock: clock) {
            (url: HTTPURL) async throws(PeerDocumentError) in
            guard let id = ClientIdentifierURL(ClientID(url.text)) else { throw .refused("not a client identifier") }
            let document = try await fetcher.fetch(url, as: .clientMetadata)
            do throws(OAuthError) {
                var metadata = try ClientMetadataDocument(parsing: document.bytes, from: id).metadata
                metadata.grantTypes = try RegistrationRules.accepted(metadata, grants)
                return (metadata, document.lifetime)
            } catch {
                throw .refused(error.description)
            }
        }
    }

    /// The client as its document described it when it was last read; nil where that is not known any more.
    func remembered(_ id: ClientID) -> RegisteredClient? {
        guard let url = ClientIdentifierURL(id), let metadata = cache.remembered(at: url.url) else { return nil }
        return RegisteredClient(document: id, host: url.host, metadata: metadata)
    }

    /// The client at the address that `id` is; nil where it is none. `address` is whose request needs it.
    func client(_ id: ClientID, for address: SocketAddress?) async throws(PeerDocumentError) -> RegisteredClient? {
        guard let url = ClientIdentifierURL(id) else { return nil }
        guard policy.permits(host: url.host) else { throw .refused("the host is not one of allowed_hosts") }
        let metadata = try await cache.content(at: url.url) {
            address.flatMap { limiter.take($0, at: clock.now()) }
        }
        return RegisteredClient(document: id, host: url.host, metadata: metadata)
    }
}
