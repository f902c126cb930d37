import HTTP

/// Fetches nothing: where a server is assembled without a way out.
struct NoDocumentFetcher: PeerDocumentFetcher {
    func fetch(_ url: HTTPURL, as kind: PeerDocumentKind) async throws(PeerDocumentError) -> PeerDocument {
        throw .refused("documents are not fetched here")
    }
}
