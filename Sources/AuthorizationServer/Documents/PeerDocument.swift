package import HTTP

/// A document that a client named and its publisher served.
package struct PeerDocument: Sendable {
    package let bytes: [UInt8]
    /// How long the publisher says that it stays good; nil when it says nothing.
    package let lifetime: Duration?

    package init(bytes: [UInt8], lifetime: Duration?) {
        self.bytes = bytes
        self.lifetime = lifetime
    }
}

/// Why there is no document.
package enum PeerDocumentError: Error, Sendable, Hashable {
    /// Its publisher cannot be reached now.
    case unreachable(String)
    /// It was refused for what it is or where it is; trying again does not help.
    case refused(String)
    /// Too many fetches at once, or by this address: seconds to wait.
    case limited(seconds: Int)
    /// Whoever asked went away.
    case cancelled
}

/// Fetches documents that clients name. Nothing else of this module connects to an address that a client chose.
package protocol PeerDocumentFetcher: Sendable {
    /// Fetches one document, within seconds: https, no redirect, public addresses, status 200, JSON, bounded (A15, A16).
    func fetch(_ url: HTTPURL, as kind: PeerDocumentKind) async throws(PeerDocumentError) -> PeerDocument
}

/// What a document is for, which decides where it may be and how large.
package enum PeerDocumentKind: Sendable, CaseIterable {
    /// A client ID metadata document.
    case clientMetadata
    /// `jwks_uri` of a client that named it itself.
    case clientKeys
    /// `jwks_uri` of a client in the configuration.
    case configuredClientKeys
}
