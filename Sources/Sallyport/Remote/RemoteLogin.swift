import AsyncIO
import Crypto
import HTTP
import JSON
import MCP
import OAuth
import Telemetry

/// Logs in at the authorization server of a remote server, as a native application does (RFC 8252, d11): discovery,
/// registration, the browser, a loopback address for the way back, PKCE, `resource`.
struct RemoteLogin: Sendable {
    /// How long a person may take in the browser.
    private static let patience = Duration.seconds(300)

    let endpoint: HTTPURL
    let loop: EventLoop
    let browser: Browser
    private let documents: OutboundDocuments

    init(endpoint: HTTPURL, browser: Browser, on loop: EventLoop) {
        self.endpoint = endpoint
        self.loop = loop
        self.browser = browser
        documents = OutboundDocuments(
            home: endpoint,
            clients: OutboundClients(
                configured: HTTPClient(on: loop, policy: .configured),
                // A server on this machine may send its users to another one on this machine, and needs us for nothing.
                publicOnly: HTTPClient(on: loop, policy: endpoint.host.isThisMachine ? .configured : .publicOnly)))
    }

    /// Exchanges the refresh token.
    func refresh(_ credentials: RemoteCredentials) async throws(ProviderFailure) -> RemoteCredentials {
        guard let token = credentials.refreshToken,
            let address = ProviderMetadata.trustworthy(credentials.tokenEndpoint, beside: nil)
        else { throw ProviderFailure(.rejected, "there is no refresh token") }
        let endpoints = CodeExchange.Endpoints(authorization: address, token: address, methods: ["none"])
        let tokens = try await exchange(credentials.client).refresh(
            token, endpoints, adding: [("resource", credentials.resource)])
        var fresh = credentials
        fresh.accessToken = tokens.accessToken
        // Without a new one the old one goes on (OAuth 2.1 §4.3.1).
        fresh.refreshToken = tokens.refreshToken ?? credentials.refreshToken
        return fresh
    }

    /// The whole login. `last` is what is kept from the one before: its registration serves again where it can.
    func begin(
        after refusal: AuthorizationRefusal, last: RemoteCredentials?
    ) async throws(ProviderFailure) -> RemoteCredentials {
        let access = try await ResourceDiscovery(endpoint: endpoint, documents: documents)
            .access(challenges: refusal.challenges)
        // Credentials of one authorization server are never shown to another.
        let last = last?.issuer == access.server.issuer ? last : nil
        // A step up asks for what it had and what it lacks.
        let scopes = access.scopes + (last?.scopes ?? []).filter { !access.scopes.contains($0) }
        guard browser.hasPerson else {
            throw ProviderFailure(
                .rejected, "a login is needed, and there is no terminal; log in from one first, or give SALLYPORT_TOKEN"
            )
        }
        browser.isAsking = true
        defer { browser.isAsking = false }
        let receiver = try await LoopbackReceiver.open(preferring: last?.redirectURI)
        do throws(ProviderFailure) {
            let client = try await client(access, receiver.redirectURI, last)
            let trip = ProviderTrip(
                redirectURI: receiver.redirectURI, state: Random.token(""), nonce: Random.token(""),
                verifier: PKCE.Verifier.random())
            let credentials = try await complete(access, client, trip, receiver, scopes)
            await receiver.close()
            return credentials
        } catch {
            await receiver.close()
            throw error
        }
    }

    private func complete(
        _ access: ResourceAccess, _ client: String, _ trip: ProviderTrip, _ receiver: LoopbackReceiver,
        _ scopes: [String]
    ) async throws(ProviderFailure) -> RemoteCredentials {
        let exchange = exchange(client)
        let endpoints = CodeExchange.Endpoints(
            authorization: access.server.authorizationEndpoint, token: access.server.tokenEndpoint, methods: ["none"])
        let address = exchange.authorizationURL(
            endpoints, scopes: scopes, trip: trip, adding: [("resource", access.resource)])
        browser.open(address)
        let answer = try await receiver.answer(to: trip.state, within: Self.patience)
        // RFC 9207 §2.4: who answers must be whom we asked; of an error of somebody else nothing is shown.
        if let issuer = answer.issuer {
            guard issuer.utf8.elementsEqual(access.server.issuer.utf8) else {
                throw ProviderFailure(.untrusted, "the answer came from another authorization server")
            }
        } else if access.server.sendsIssuer {
            throw ProviderFailure(.untrusted, "the answer does not say which authorization server it is from")
        }
        guard let code = answer.code else {
            throw ProviderFailure(.rejected, "the login was not completed: \(answer.error ?? "no code")")
        }
        let tokens = try await exchange.redeem(code, endpoints, trip: trip, adding: [("resource", access.resource)])
        return RemoteCredentials(
            endpoint: endpoint.text, issuer: access.server.issuer, tokenEndpoint: access.server.tokenEndpoint.text,
            resource: access.resource, client: client, redirectURI: trip.redirectURI, accessToken: tokens.accessToken,
            refreshToken: tokens.refreshToken, scopes: scopes)
    }

    private func exchange(_ client: String) -> CodeExchange {
        CodeExchange(client: client, credential: .none, documents: documents, clock: .system)
    }

    // MARK: RFC 7591

    /// The registration of the last login where it fits, else a new one.
    private func client(
        _ access: ResourceAccess, _ redirectURI: String, _ last: RemoteCredentials?
    ) async throws(ProviderFailure) -> String {
        if let last, last.redirectURI == redirectURI { return last.client }
        guard let registration = access.registrationEndpoint else {
            throw ProviderFailure(
                .misconfigured, "\(access.server.issuer) takes no registrations; use --token-file with an API key")
        }
        let metadata: JSONValue = [
            "client_name": "Sallyport connect", "application_type": "native", "redirect_uris": [.string(redirectURI)],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        ]
        let answer: OutboundDocuments.Answer
        do throws(DocumentFailure) {
            answer = try await documents.post(registration, json: metadata)
        } catch {
            throw ProviderFailure(error)
        }
        guard (200...201).contains(answer.status.code), let client = answer.root["client_id"]?.string else {
            let reason = answer.root["error_description"]?.string ?? answer.root["error"]?.string ?? ""
            throw ProviderFailure(
                .misconfigured, "\(registration.origin) refused the registration (\(answer.status.code)) \(reason)")
        }
        return client
    }
}
