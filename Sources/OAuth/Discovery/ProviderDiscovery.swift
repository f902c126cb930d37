package import HTTP
package import Telemetry

/// Finds out about another authorization server by its issuer, and remembers it.
package struct ProviderDiscovery: Sendable {
    private let document: CachedDocument<ProviderMetadata>

    /// A provider that nobody has asked yet: starting never needs it.
    package init(
        issuer: HTTPURL, documents: OutboundDocuments, clock: WallClock,
        lifetime: DocumentLifetime = DocumentLifetime()
    ) {
        document = CachedDocument(lifetime: lifetime, clock: clock, on: documents.loop) {
            () async throws(DocumentFailure) -> ProviderMetadata in
            try await ProviderDiscovery.fetch(issuer, documents)
        }
    }

    /// The metadata at hand, or freshly fetched.
    package func metadata() async throws(DocumentFailure) -> ProviderMetadata {
        try await document.value()
    }

    /// OpenID Connect Discovery §4.1 appends its path to the issuer; RFC 8414 §3.1 puts its own before the issuer's path.
    static func locations(of issuer: HTTPURL) -> [HTTPURL] {
        let path = issuer.path.hasSuffix("/") ? String(issuer.path.dropLast()) : issuer.path
        let texts = [
            issuer.origin + path + "/.well-known/openid-configuration",
            issuer.origin + "/.well-known/oauth-authorization-server" + path,
        ]
        return texts.compactMap { try? HTTPURL($0) }  // made of a URL's parts, so they are URLs
    }

    private static func fetch(
        _ issuer: HTTPURL, _ documents: OutboundDocuments
    ) async throws(DocumentFailure) -> ProviderMetadata {
        var failure = DocumentFailure(.malformed, "\(issuer) has no discovery document")
        for location in locations(of: issuer) {
            let answer: OutboundDocuments.Answer
            do throws(DocumentFailure) {
                answer = try await documents.get(location)
            } catch {
                guard error.code == .status(404) else { throw error }
                failure = error
                continue
            }
            if answer.status.code == 200 { return try ProviderMetadata(answer.root, issuer: issuer.text) }
            failure = DocumentFailure(
                .status(answer.status.code), "\(location) answered \(answer.status.code)")
            guard answer.status.code == 404 else { throw failure }
        }
        throw failure
    }
}
