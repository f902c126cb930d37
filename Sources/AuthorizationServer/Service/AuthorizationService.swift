import AsyncIO
package import HTTP
package import OAuth
package import Telemetry

/// The authorization server: what its endpoints share.
///
/// A value of references and settings; it is built once by the program and read by every connection.
package struct AuthorizationService: Sendable {
    let configuration: AuthorizationServerConfiguration
    let store: any AuthorizationStore
    /// Signs, and is where verifiers find the public keys.
    package let keyring: SigningKeyring
    /// What the schedule does with the signing keys.
    package let keys: KeyAdministration
    /// Updated at once by our own revocations, and by the poller for those of other processes.
    package let revocations: RevocationIndex
    let hosts: HostPolicy
    let resources: any ProtectedResourceDirectory
    let clock: WallClock
    let audit: any AuditLog
    let logger: Logger
    let metrics: AuthorizationMetrics
    let pageLimiter: AddressRateLimiter
    let registrationLimiter: AddressRateLimiter
    let clientLimiter: AddressRateLimiter
    /// Every way to log in.
    let providers: ProviderDirectory
    let deviceLimiter: AddressRateLimiter
    /// How many passwords are compared at once.
    let loginAdmission = LoginAdmission()
    let secretGuesses = SecretGuessLimiter()
    /// Every client, wherever it is known from.
    let clients: ClientDirectory
    /// The keys by which clients sign.
    let clientKeys: ClientKeys

    /// Assembles the service. `keyring` comes from `SigningKeyring.open`. Without `providers` there are local accounts;
    /// without `documents` no client can describe itself at an address of its own.
    package init(
        configuration: AuthorizationServerConfiguration, store: any AuthorizationStore, keyring: SigningKeyring,
        revocations: RevocationIndex, hosts: HostPolicy, resources: any ProtectedResourceDirectory, clock: WallClock,
        audit: any AuditLog, logger: Logger, providers: ProviderDirectory = .localOnly,
        documents: (any PeerDocumentFetcher)? = nil, metrics: MetricsRegistry = .shared
    ) {
        self.configuration = configuration
        self.store = store
        self.keyring = keyring
        keys = keyring.administration(clock: clock, audit: audit)
        self.revocations = revocations
        self.hosts = hosts
        self.resources = resources
        self.clock = clock
        self.audit = audit
        self.providers = providers
        self.logger = logger
        self.metrics = AuthorizationMetrics(in: metrics)
        pageLimiter = AddressRateLimiter(perMinute: configuration.pageRequestsPerMinute)
        registrationLimiter = AddressRateLimiter(perMinute: configuration.registration.perMinute)
        clientLimiter = AddressRateLimiter(perMinute: configuration.grants.clientRequestsPerMinute)
        deviceLimiter = AddressRateLimiter(perMinute: configuration.grants.devices.attemptsPerMinute)
        let fetcher = documents ?? NoDocumentFetcher()
        let isEnabled = configuration.clientDocuments.isEnabled && documents != nil
        clients = ClientDirectory(
            configured: configuration.clients, store: store,
            documents: isEnabled
                ? ClientDocuments(
                    policy: configuration.clientDocuments, grants: configuration.grants, fetcher: fetcher, clock: clock)
                : nil)
        clientKeys = ClientKeys(fetcher: fetcher, clock: clock)
    }

    /// Puts every endpoint on the router, in the order of a login.
    package func register(on router: inout HTTPRouter) {
        MetadataEndpoint(service: self).register(on: &router)
        KeySetEndpoint(service: self).register(on: &router)
        if configuration.registration.isEnabled {
            RegistrationEndpoint(service: self).register(on: &router)
            ClientConfigurationEndpoint(service: self).register(on: &router)
        }
        PushedRequestEndpoint(service: self).register(on: &router)
        AuthorizationEndpoint(service: self).register(on: &router)
        LoginEndpoint(service: self).register(on: &router)
        ProviderLoginEndpoint(service: self).register(on: &router)
        CallbackEndpoint(service: self).register(on: &router)
        ConsentEndpoint(service: self).register(on: &router)
        TokenEndpoint(service: self).register(on: &router)
        if configuration.grants.devices.isEnabled {
            DeviceAuthorizationEndpoint(service: self).register(on: &router)
            DeviceEndpoint(service: self).register(on: &router)
        }
        RevocationEndpoint(service: self).register(on: &router)
        IntrospectionEndpoint(service: self).register(on: &router)
        SetupEndpoint(service: self).register(on: &router)
        SignOutEndpoint(service: self).register(on: &router)
        AccountEndpoint(service: self).register(on: &router)
    }

    /// Which DPoP proofs were used, for our endpoints and for the protected resources.
    package var proofs: any DPoPReplayGuard { StoredProofs(store: store, clock: clock) }

    /// The time now, from the injected clock.
    var now: Timestamp { clock.now() }
}
