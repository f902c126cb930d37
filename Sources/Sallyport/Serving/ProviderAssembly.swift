import AsyncIO
import AuthorizationServer
import Crypto
import HTTP
import OAuth
import Telemetry

/// Builds the configured identity providers. Nothing is fetched: a provider that is down does not keep us from starting.
struct ProviderAssembly {
    private let sealing: SealingKey
    private let clients: OutboundClients
    private let clock: WallClock
    private let loop: EventLoop
    /// What the access policy looks at, beside groups.
    private let claims: [String]

    /// The providers' requests run on `loop`.
    init(sealing: SealingKey, claims: [String], loop: EventLoop, clock: WallClock) {
        self.sealing = sealing
        self.loop = loop
        self.claims = claims
        self.clock = clock
        clients = OutboundClients(
            configured: HTTPClient(on: loop, policy: .configured),
            publicOnly: HTTPClient(on: loop, policy: .publicOnly))
    }

    /// Every way to log in, and everybody whose assertions are taken.
    func directory(_ settings: LoginSettings, asserting: [IdentityAssertionSettings]) -> ProviderDirectory {
        ProviderDirectory(
            providers: settings.providers.map(provider), proxyLogins: settings.proxies,
            assertingProviders: asserting.map { self.asserting($0) }, hasLocalAccounts: settings.hasLocalAccounts,
            sealing: sealing)
    }

    private func provider(_ settings: ProviderSettings) -> any IdentityProvider {
        settings.kind == .github ? github(settings) : openID(settings)
    }

    private func asserting(_ settings: IdentityAssertionSettings) -> AssertingProvider {
        AssertingProvider(
            id: settings.id, issuer: settings.issuer, keySetURI: settings.keySetURI,
            // Where the operator named the place of the keys, that is the only one that is asked.
            documents: OutboundDocuments(home: settings.keySetURI ?? settings.issuer, clients: clients), clock: clock,
            allowList: settings.allowList, claims: adding(settings.claims), clients: settings.clients,
            tenant: settings.tenant)
    }

    private func github(_ settings: ProviderSettings) -> any IdentityProvider {
        let documents = OutboundDocuments(home: settings.issuer, clients: clients)
        return GitHubProvider(
            id: settings.id, title: settings.title, allowList: settings.allowList,
            callbackPath: settings.callbackPath, endpoints: GitHubEndpoints(base: settings.issuer),
            exchange: CodeExchange(
                client: settings.client, credential: settings.credential, documents: documents, clock: clock),
            documents: documents, on: loop)
    }

    private func openID(_ settings: ProviderSettings) -> any IdentityProvider {
        OpenIDProvider(
            id: settings.id, title: settings.title, allowList: settings.allowList,
            callbackPath: settings.callbackPath,
            relyingParty: RelyingParty(
                issuer: settings.issuer, client: settings.client, credential: settings.credential,
                documents: OutboundDocuments(home: settings.issuer, clients: clients), clock: clock),
            scopes: settings.scopes,
            // Google gives a refresh token to those who ask for one in its own way.
            parameters: settings.kind == .google ? [("access_type", "offline")] : [],
            claims: adding(settings.claims), on: loop)
    }

    private func adding(_ known: OpenIDClaims) -> OpenIDClaims {
        var claims = known
        claims.others = self.claims
        return claims
    }
}
