package import Crypto
package import OAuth

/// What an operator can decide about the authorization server.
package struct AuthorizationServerConfiguration: Sendable {
    /// How long an access token is good for; revocation works within a second regardless.
    package var accessTokenLifetime: Duration = .seconds(15 * 60)
    /// The longest that it can be, now or before the operator changed it.
    package static let longestAccessTokenLifetime = Duration.seconds(86_400)
    /// How long a grant lasts without a new login; refreshing does not extend it.
    package var refreshTokenLifetime: Duration = .seconds(30 * 86_400)
    /// How often and how long a used refresh token may be presented again (A11).
    package var rotation = RotationPolicy()
    /// The life of a code; more than 60 s is not accepted (A06).
    package var codeLifetime: Duration = .seconds(60)
    /// Wrong verifiers until a code is burnt (A05).
    package var codeFailureLimit = 5
    /// The time a user has for login and consent.
    package var transactionLifetime: Duration = .seconds(600)
    /// Open authorization requests that are kept; beyond, the oldest give way.
    package var transactionCapacity = 10_000
    /// How long a browser stays signed in (U05).
    package var session = SessionLifetime()
    /// How long a consent is remembered.
    package var consentLifetime: Duration = .seconds(90 * 86_400)
    /// How long a setup link works.
    package var setupLinkLifetime: Duration = .seconds(86_400)
    /// Dynamic client registration (RFC 7591).
    package var registration = RegistrationPolicy()
    /// `oauth.client_id_metadata_documents`.
    package var clientDocuments = ClientDocumentPolicy()
    /// `oauth.allow_out_of_band`: whether `urn:ietf:wg:oauth:2.0:oob` may be registered and codes are shown on a page.
    package var allowsOutOfBand = false
    /// `oauth.clients`: known without registering.
    package var clients: [RegisteredClient] = []
    /// Requests to `/authorize`, `/login` and `/setup` of one address in a minute.
    package var pageRequestsPerMinute = 120
    /// The algorithm that signs access tokens. ES256, because signing costs a twentieth of RS256 and these tokens are read
    /// by ourselves; clients treat them as opaque.
    package var accessTokenAlgorithm = SignatureAlgorithm.es256
    /// When signing keys change.
    package var keyRotation = KeyRotationPolicy()

    /// Resource servers that may introspect every token; all other clients may introspect their own (RFC 7662 §2.1).
    package var introspectionClients: Set<ClientID> = []

    /// Pushed requests, devices, and what else is not the common way.
    package var grants = GrantPolicy()

    /// The defaults.
    package init() {}
}

/// Dynamic client registration (RFC 7591), open by default and bounded (A14).
package struct RegistrationPolicy: Sendable {
    /// Whether `/register` exists.
    package var isEnabled = true
    /// Registrations of one address in a minute.
    package var perMinute = 20
    /// Registered clients in all.
    package var capacity = 100_000
    /// Clients that were never used go after this time.
    package var neverUsedLifetime: Duration = .seconds(86_400)
    /// Clients without a live grant go this long after their last use.
    package var idleLifetime: Duration = .seconds(90 * 86_400)
    /// The largest body.
    package var maximumBytes = 64 * 1024

    /// The defaults.
    package init() {}
}
