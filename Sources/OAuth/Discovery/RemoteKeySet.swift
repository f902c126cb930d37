package import HTTP
package import Telemetry

/// The keys that another server publishes (RFC 7517 §5): fetched once, kept for a day when that server is down, fetched
/// again when a key is missing (F14).
package struct RemoteKeySet: Sendable {
    private let document: CachedDocument<JSONWebKeySet>

    /// Keys at the place that `locate` finds; nothing is fetched yet.
    package init(
        documents: OutboundDocuments, clock: WallClock, lifetime: DocumentLifetime = DocumentLifetime(),
        locate: @escaping @Sendable () async throws(DocumentFailure) -> HTTPURL
    ) {
        document = CachedDocument(lifetime: lifetime, clock: clock, on: documents.loop) {
            () async throws(DocumentFailure) -> JSONWebKeySet in
            try await RemoteKeySet.fetch(try await locate(), documents)
        }
    }

    /// Keys at a place that is known.
    package init(
        at uri: HTTPURL, documents: OutboundDocuments, clock: WallClock,
        lifetime: DocumentLifetime = DocumentLifetime()
    ) {
        self.init(documents: documents, clock: clock, lifetime: lifetime) {
            () async throws(DocumentFailure) -> HTTPURL in uri
        }
    }

    /// The keys that may have signed a message with this `kid`: those of that name, or every key where it has none. A name
    /// that is not there is looked for once more, because keys rotate.
    package func candidates(keyID: [UInt8]?) async throws(DocumentFailure) -> [JSONWebKey] {
        let known = try await document.value().candidates(keyID: keyID)
        guard known.isEmpty else { return known }
        return try await document.newer().candidates(keyID: keyID)
    }

    private static func fetch(
        _ uri: HTTPURL, _ documents: OutboundDocuments
    ) async throws(DocumentFailure) -> JSONWebKeySet {
        let answer = try await documents.get(uri)
        guard answer.status.code == 200 else {
            throw DocumentFailure(.status(answer.status.code), "\(uri.origin) answered \(answer.status.code)")
        }
        // A set in which nothing can verify would end every login; the last good one is better.
        guard let set = JSONWebKeySet(answer.root), !set.keys.isEmpty else {
            throw DocumentFailure(.malformed, "the key set of \(uri.origin) has no key that can be used")
        }
        return set
    }
}
