import AsyncIO
import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Synchronization
import Telemetry
import Testing

/// The authorization server over a memory store and a manual clock, reached through its router.
struct Fixture {
    static let redirect = "http://127.0.0.1:7777/callback"
    static let verifier = String(repeating: "verifier-", count: 6)

    let clock: ManualClock
    let store: MemoryStore
    let audit = AuditRecorder()
    let metrics = MetricsRegistry()
    let service: AuthorizationService
    let router: HTTPRouter
    let users: UserAdministration

    /// With `sharing`, a second process on the same store and at the same time.
    init(
        publicURL: String? = nil, sharing other: Fixture? = nil, clock given: ManualClock? = nil,
        providers: ProviderDirectory = .localOnly, documents: (any PeerDocumentFetcher)? = nil,
        resources: any ProtectedResourceDirectory = FixedResources(),
        configure: (inout AuthorizationServerConfiguration) -> Void = { _ in }
    ) async throws {
        clock = other?.clock ?? given ?? ManualClock()
        store = other?.store ?? MemoryStore()
        var configuration = AuthorizationServerConfiguration()
        configure(&configuration)
        let index = RevocationIndex(clock: clock.wallClock, metrics: metrics)
        _ = try await store.establish(try await SharedKeys.records.value)
        let listen = try SocketAddress(ip: "127.0.0.1", port: 8080)
        service = AuthorizationService(
            configuration: configuration, store: store,
            keyring: try await SigningKeyring.open(store: store, sealing: SharedKeys.sealing, at: clock.now),
            revocations: index,
            hosts: HostPolicy(publicURL: try publicURL.map { try HTTPURL($0) }, listen: listen, allowedOrigins: []),
            resources: resources, clock: clock.wallClock, audit: audit,
            logger: Logger(label: "test", sink: LogSink { _ in }), providers: providers, documents: documents,
            metrics: metrics)
        try await service.prepare()
        var router = HTTPRouter()
        service.register(on: &router)
        self.router = router
        users = UserAdministration(store: store, clock: clock.wallClock, audit: audit)
    }

    // MARK: Requests

    func send(
        _ method: HTTPMethod, _ target: String, fields: [(String, String)] = [], form: [(String, String)]? = nil,
        body: String? = nil, origin: String = "http://localhost:8080", from address: String = "127.0.0.1"
    ) async -> Answer {
        var fields = fields
        var bytes: [UInt8] = []
        if let form {
            fields.append(("Content-Type", "application/x-www-form-urlencoded"))
            bytes = Array(Fixture.encode(form).utf8)
        } else if let body {
            bytes = Array(body.utf8)
        }
        let (request, requestBody) = RequestFactory.make(
            method, target, fields: fields, body: bytes, origin: origin, from: address)
        return Answer(response: await router.respond(to: request, body: requestBody))
    }

    static func encode(_ form: [(String, String)]) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        return form.map { pair in
            [pair.0, pair.1].map { $0.addingPercentEncoding(withAllowedCharacters: allowed) ?? "" }.joined(
                separator: "=")
        }.joined(separator: "&")
    }

    // MARK: Clients and users

    struct TestClient {
        let id: String
        let secret: String?
        let redirect: String
    }

    func registerClient(
        redirects: [String] = [Fixture.redirect], method: String = "none", name: String = "Test Client",
        at origin: String = "http://localhost:8080"
    ) async throws -> TestClient {
        let uris = redirects.map { "\"\($0)\"" }.joined(separator: ",")
        let answer = await send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"client_name":"\(name)","redirect_uris":[\(uris)],"token_endpoint_auth_method":"\(method)"}
                """, origin: origin)
        try #require(answer.status == 201, "\(answer.text)")
        return TestClient(
            id: try #require(try answer.member("client_id")), secret: try answer.member("client_secret"),
            redirect: redirects[0])
    }

    /// An account without a password: hashing one costs what it should, so only the login tests do.
    func addUser(_ name: String = "alice") async throws -> UserRecord {
        try await users.addWithLink(name: name, lifetime: .seconds(60)).user
    }

    /// Authorization requests that wait for a login or consent.
    func openLogins() async throws -> Int? {
        try await store.census(lifetime: SessionLifetime(), at: clock.now)[.openLogins]
    }

    /// Signs a browser in without the login page.
    func signIn(_ browser: TestBrowser, as user: UserRecord) async throws {
        let secret = "session-\(user.name)-\(UUID().uuidString)"
        let id = SecretDigest(bytes: SHA256.digest(Array(secret.utf8)).bytes)
        try await store.start(
            BrowserSession(id: id, user: user.id, startedAt: clock.now, lastSeenAt: clock.now), replacing: nil)
        browser.cookies["sallyport-session"] = secret
        browser.cookies["__Host-sallyport-session"] = secret
    }

    // MARK: Flow

    static func challenge(_ verifier: String = Fixture.verifier) -> String {
        Base64URL.encode(SHA256.digest(Array(verifier.utf8)).bytes)
    }

    func authorizeTarget(
        _ client: TestClient, changing: [String: String?] = [:], adding: [(String, String)] = []
    ) -> String {
        var parameters: [String: String] = [
            "response_type": "code", "client_id": client.id, "redirect_uri": client.redirect, "state": "xyz",
            "code_challenge": Fixture.challenge(), "code_challenge_method": "S256",
            "resource": "http://localhost:8080/a/mcp",
        ]
        for (name, value) in changing { parameters[name] = value }
        return "/authorize?" + Fixture.encode(parameters.map { ($0.key, $0.value) } + adding)
    }

    /// A code for the signed-in browser, by way of the consent page when it is shown.
    func code(
        _ browser: TestBrowser, _ client: TestClient, changing: [String: String?] = [:], adding: [(String, String)] = []
    ) async throws -> String {
        let target = authorizeTarget(client, changing: changing, adding: adding)
        var answer = await browser.follow(await browser.get(target))
        if answer.status == 200 {
            answer = await browser.post("/consent", answer.form(decision: "allow"))
        }
        return try #require(answer.locationParameters["code"], "\(answer.status) \(answer.location ?? answer.text)")
    }

    func redeem(
        _ code: String, _ client: TestClient, changing: [String: String?] = [:], adding: [(String, String)] = []
    ) async -> Answer {
        await token(
            [
                "grant_type": "authorization_code", "code": code, "client_id": client.id,
                "redirect_uri": client.redirect, "code_verifier": Fixture.verifier, "client_secret": client.secret,
            ], changing: changing, adding: adding)
    }

    func refresh(
        _ token: String, _ client: TestClient, changing: [String: String?] = [:], adding: [(String, String)] = []
    ) async -> Answer {
        await self.token(
            [
                "grant_type": "refresh_token", "refresh_token": token, "client_id": client.id,
                "client_secret": client.secret,
            ], changing: changing, adding: adding)
    }

    private func token(
        _ parameters: [String: String?], changing: [String: String?], adding: [(String, String)]
    ) async -> Answer {
        var form: [(String, String)] = []
        for (name, value) in parameters.merging(changing, uniquingKeysWith: { $1 }) {
            if let value { form.append((name, value)) }
        }
        return await send(.post, "/token", form: form + adding)
    }

    /// Tokens of a fresh grant.
    func tokens(
        _ client: TestClient, user: UserRecord
    ) async throws -> (access: String, refresh: String, code: String) {
        let browser = TestBrowser(self)
        try await signIn(browser, as: user)
        let code = try await code(browser, client)
        let answer = await redeem(code, client)
        try #require(answer.status == 200, "\(answer.text)")
        return (
            try #require(try answer.member("access_token")), try #require(try answer.member("refresh_token")), code
        )
    }

    // MARK: The protected resource's view

    /// Whether a bearer check accepts the token, as the gateway asks it.
    func accepts(_ token: String, resource: String = "http://localhost:8080/a/mcp") async -> Bool {
        let verifier = JWTAccessTokenVerifier(
            keys: service.keyring, revocations: service.revocations, clock: clock.wallClock)
        do {
            _ = try await verifier.verify(token, for: resource, issuer: "http://localhost:8080")
            return true
        } catch {
            return false
        }
    }
}

/// Signing keys, made once for all tests: an RSA key takes its time.
enum SharedKeys {
    static let sealing = SealingKey([UInt8](repeating: 7, count: 32))!

    static let records = Task {
        let store = MemoryStore()
        _ = try await SigningKeyring.open(
            store: store, sealing: sealing, at: Timestamp(millisecondsSinceEpoch: 1_700_000_000_000))
        return try await store.signingKeys()
    }
}

/// Two servers.
struct FixedResources: ProtectedResourceDirectory {
    let all = [
        ProtectedResource(path: "/a/mcp", name: "Server A", scopes: ["a:read", "a:write"]),
        ProtectedResource(path: "/b/mcp", name: "Server B", scopes: ["b:read"]),
    ]

    func resource(atPath path: String) -> ProtectedResource? {
        all.first { $0.path == path }
    }
}

/// Audit events in the order in which they came.
final class AuditRecorder: AuditLog {
    private let events = Mutex<[AuditEvent]>([])

    func record(_ event: AuditEvent) {
        events.withLock { $0.append(event) }
    }

    var actions: [AuditAction] { events.withLock { $0.map(\.action) } }
}
