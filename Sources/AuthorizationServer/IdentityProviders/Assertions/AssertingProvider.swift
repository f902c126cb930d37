package import HTTP
package import OAuth
package import Telemetry

/// An identity provider whose ID-JAGs are taken at `/token` (`oauth.identity_assertions`): the draft's "IdP Authorization
/// Server". Who its users are, and which of them may come in, is decided as at a login by it.
package struct AssertingProvider: Sendable {
    /// The same times as for the keys of other issuers: a key that was removed counts for up to six minutes, and one that
    /// is not there is looked for once a minute (T03).
    private static let keyLifetime = DocumentLifetime(fresh: .seconds(300), kept: .seconds(86_400), pause: .seconds(60))

    /// Its name in the configuration; accounts that it makes begin with it.
    package let id: String
    /// `iss`, byte for byte.
    package let issuer: String
    /// Who may come in.
    package let allowList: AllowList
    /// Which clients may show its assertions; nil means every one that authenticates.
    package let clients: Set<ClientID>?
    /// `tenant`, where it serves several.
    package let tenant: String?
    let claims: OpenIDClaims
    let keys: RemoteKeySet

    /// A provider with its keys at `keySetURI`, or where discovery finds them. Nothing is fetched before the first assertion.
    package init(
        id: String, issuer: HTTPURL, keySetURI: HTTPURL?, documents: OutboundDocuments, clock: WallClock,
        allowList: AllowList, claims: OpenIDClaims, clients: Set<ClientID>?, tenant: String? = nil
    ) {
        self.id = id
        self.issuer = issuer.text
        self.allowList = allowList
        self.claims = claims
        self.clients = clients
        self.tenant = tenant
        let discovery = ProviderDiscovery(issuer: issuer, documents: documents, clock: clock)
        keys = RemoteKeySet(documents: documents, clock: clock, lifetime: Self.keyLifetime) {
            () async throws(DocumentFailure) -> HTTPURL in
            if let keySetURI { return keySetURI }
            guard let found = try await discovery.metadata().keySetURI else {
                throw DocumentFailure(.malformed, "\(issuer) names no jwks_uri")
            }
            return found
        }
    }

    /// Whether this client may show its assertions.
    func serves(_ client: ClientID) -> Bool { clients?.contains(client) ?? true }
}
