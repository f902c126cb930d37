import JSON
package import OAuth

/// A client as the endpoints use it, wherever it is known from: `ClientDirectory` is the one way to get one.
package struct RegisteredClient: Sendable, Hashable {
    /// Where a client is known from.
    package enum Source: Sendable, Hashable {
        /// `oauth.clients` of the configuration.
        case configuration
        /// Its own registration (RFC 7591), or an operator's `sallyport client add`.
        case registration
        /// A metadata document at the client's own address, on this host.
        case document(host: String)
    }

    /// `client_id`.
    package let id: ClientID
    /// Where it is known from.
    package let source: Source
    /// Its metadata, read.
    package let metadata: ClientMetadata
    /// SHA-256 of its secret; nil where it has none.
    let secretDigest: SecretDigest?

    /// A client of the operator's own (`first_party`): it may skip the question for consent.
    package let isFirstParty: Bool
    /// The resources that it may have tokens for, as paths of ours; nil means all.
    package let allowedResources: [String]?
    /// Whether the operator wrote its metadata: then `scope` is a bound, not a wish.
    private let isManaged: Bool

    /// The scopes that it may ask for at most; nil means whatever the resources offer.
    package var allowedScope: Scope? { isManaged ? metadata.scope : nil }
    /// What it said of itself that it would ask for. Hosts ask for scopes of their own making, such as `claudeai`; what
    /// nobody offers is passed over when it was announced (RFC 6749 §3.3), and refused when it was not.
    package var announcedScope: Scope? { isManaged ? nil : metadata.scope }

    /// A client of the configuration. `secret` is what it presents, for the methods that use one.
    package init(
        configured id: ClientID, metadata: ClientMetadata, secret: String?, isFirstParty: Bool,
        allowedResources: [String]?
    ) {
        self.id = id
        self.source = .configuration
        self.metadata = metadata
        self.secretDigest = secret.map { SecretDigest(of: $0) }
        self.isFirstParty = isFirstParty
        self.allowedResources = allowedResources
        self.isManaged = true
    }

    /// A client that describes itself.
    init(document id: ClientID, host: String, metadata: ClientMetadata) {
        self.id = id
        self.source = .document(host: host)
        self.metadata = metadata
        self.secretDigest = nil
        self.isFirstParty = false
        self.allowedResources = nil
        self.isManaged = false
    }

    /// Reads a stored client.
    init(_ record: ClientRecord) throws(StoreError) {
        guard let document = try? JSONDocument(parsing: record.metadata),  // any error means the same here
            let metadata = try? ClientMetadata(parsing: document)
        else { throw StoreError(.corrupt, detail: "client metadata cannot be read") }
        self.id = record.id
        self.source = .registration
        self.metadata = metadata
        self.secretDigest = record.secretDigest
        self.isFirstParty = record.isFirstParty
        self.allowedResources = record.resources
        self.isManaged = record.isManaged
    }

    /// What it calls itself, fit for a page.
    package var displayName: String {
        let name = DisplayText.clean(metadata.clientName ?? "")
        return name.isEmpty ? "An application without a name" : name
    }

    /// The host that publishes its metadata; nil where nobody vouches for its name.
    var publisher: String? {
        guard case .document(let host) = source else { return nil }
        return host
    }

    /// Whether it can prove who it is (OAuth 2.1 §2.1).
    package var isConfidential: Bool { metadata.tokenEndpointAuthMethod != .none }

    /// The requested redirect URI when it is one of the registered ones: byte for byte, or by the loopback port rule
    /// (A01, A02).
    func redirectURI(matching requested: String) -> RedirectURI? {
        let parsed = RedirectURI(outOfBand: requested) ?? (try? RedirectURI(parsing: requested))  // unreadable is none
        guard let uri = parsed else { return nil }
        return metadata.redirectURIs.contains { uri.matches(registered: $0) } ? uri : nil
    }
}
