import AsyncIO
import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Synchronization
import Telemetry

/// An OpenID provider over real HTTP that does what it should, until a test tells it to lie. It checks what a provider
/// checks: client, redirect URI, PKCE, single use of codes and refresh tokens.
final class ProviderStandIn: Sendable {
    /// What it says and how.
    struct Script: Sendable {
        var subject = "sub-alice"
        /// Replaces claims of the ID token; nil removes one.
        var claims: [String: JSONValue?] = [:]
        /// `alg` and signature are left to this, where it is set: header members and whether to break the signature.
        var header: [String: JSONValue?] = [:]
        var breaksSignature = false
        var unsigned = false
        /// Keys that are published beside the one that signs.
        var surplusKeys = 0
        var userInfo: [String: JSONValue]?
        /// Members of the discovery document; nil removes one.
        var discovery: [String: JSONValue?] = [:]
        var sendsIDToken = true
        var givesRefreshToken = false
        /// Answers in place of the honest ones, by path.
        var answers: [String: @Sendable (HTTPRequest) async -> HTTPResponse] = [:]
    }

    static let group = EventLoopGroup(count: 2)
    private static let clientSecret = "stand-in secret"

    private struct State: Sendable {
        var script = Script()
        var log: [String] = []
        var codes: [String: (challenge: String, nonce: String, redirect: String)] = [:]
        var refreshTokens: Set<String> = []
        var count = 0
    }

    private let state = Mutex(State())
    private let clock: ManualClock
    private let key: PrivateKey
    private let spare: PrivateKey
    let port: Int
    private let server: HTTPServer

    init(clock: ManualClock) async throws {
        self.clock = clock
        key = try PrivateKey.generate(.es256)
        spare = try PrivateKey.generate(.es256)
        let holder = Holder()
        server = HTTPServer(
            group: Self.group, responder: HTTPHandler { request, body in await holder.respond(request, body) },
            logger: Logger(label: "stand-in", sink: LogSink { _ in }))
        port = try await server.start(on: SocketAddress(ip: "127.0.0.1", port: 0)).port
        holder.standIn.withLock { $0 = self }
    }

    /// Reaches the stand-in once it is complete.
    private final class Holder: Sendable {
        let standIn = Mutex<ProviderStandIn?>(nil)

        func respond(_ request: HTTPRequest, _ body: HTTPRequestBody) async -> HTTPResponse {
            guard let standIn = standIn.withLock({ $0 }) else { return .text(.serviceUnavailable, "") }
            return await standIn.respond(request, body)
        }
    }

    func stop() async { await server.drain(within: .zero) }

    var issuer: String { "http://127.0.0.1:\(port)" }
    var log: [String] { state.withLock { $0.log } }

    func script(_ change: @Sendable (inout Script) -> Void) { state.withLock { change(&$0.script) } }

    /// Takes back every refresh token, as when somebody leaves.
    func disable() { state.withLock { $0.refreshTokens = [] } }

    /// A client of it.
    func provider(
        _ id: String = "corp", allow: AllowList = AllowList(admitsEverybody: true), claims: OpenIDClaims? = nil
    ) throws -> OpenIDProvider {
        let clients = OutboundClients(
            configured: HTTPClient(on: Self.group.loops[0], policy: .configured),
            publicOnly: HTTPClient(on: Self.group.loops[0], policy: .publicOnly))
        let issuer = try HTTPURL(self.issuer)
        return OpenIDProvider(
            id: id, title: "Corp", allowList: allow, callbackPath: "/callback/\(id)",
            relyingParty: RelyingParty(
                issuer: issuer, client: "sallyport", credential: .secret(Self.clientSecret),
                documents: OutboundDocuments(home: issuer, clients: clients), clock: clock.wallClock),
            scopes: ["openid", "email"],
            claims: claims
                ?? OpenIDClaims(userClaim: .verifiedEmail, groupsClaim: "groups", needs: ["email", "groups"]),
            on: Self.group.loops[0])
    }

    /// The same provider as one whose assertions are taken.
    func asserting(
        _ id: String = "corp", allow: AllowList = AllowList(admitsEverybody: true), clients: Set<String>? = nil,
        tenant: String? = nil, keySetURI: String? = nil
    ) throws -> AssertingProvider {
        let clients = clients.map { Set($0.map { ClientID($0) }) }
        let issuer = try HTTPURL(self.issuer)
        return AssertingProvider(
            id: id, issuer: issuer, keySetURI: try keySetURI.map { try HTTPURL($0) },
            documents: OutboundDocuments(
                home: issuer,
                clients: OutboundClients(
                    configured: HTTPClient(on: Self.group.loops[0], policy: .configured),
                    publicOnly: HTTPClient(on: Self.group.loops[0], policy: .publicOnly))), clock: clock.wallClock,
            allowList: allow,
            claims: OpenIDClaims(userClaim: .verifiedEmail, groupsClaim: "groups", needs: ["email", "groups"]),
            clients: clients, tenant: tenant)
    }

    /// An ID-JAG by which `client` may act for the user at `resource`; `nil` in `claims` or `header` removes a member.
    func assertion(
        to client: String = "agent", at resource: String = "http://localhost:8080/a/mcp",
        claims: [String: JSONValue?] = [:], header changes: [String: JSONValue?] = [:]
    ) -> String {
        let script = state.withLock { $0.script }
        let now = clock.now.seconds
        var payload: JSONValue = [
            "iss": .string(issuer), "sub": .string(script.subject), "aud": "http://localhost:8080",
            "client_id": .string(client), "resource": .string(resource), "jti": .string(UUID().uuidString),
            "iat": .integer(now), "exp": .integer(now + 300), "email": "alice@corp.test", "email_verified": true,
        ]
        for (name, value) in claims { payload[name] = value }
        return assertion(saying: payload.serialized(), header: changes)
    }

    /// The same with a payload of any bytes.
    func assertion(saying payload: [UInt8], header changes: [String: JSONValue?] = [:]) -> String {
        let script = state.withLock { $0.script }
        var header: JSONValue = ["alg": "ES256", "typ": "oauth-id-jag+jwt"]
        if let id = try? JSONWebKey(key.publicKey()).id { header["kid"] = .string(id) }
        for (name, value) in changes { header[name] = value }
        let signed = Base64URL.encode(header.serialized()) + "." + Base64URL.encode(payload)
        let signer = script.breaksSignature ? spare : key
        return signed + "." + Base64URL.encode((try? signer.sign(Array(signed.utf8))) ?? [])
    }

    /// What the user's browser does there: signs in and is sent back. Returns the target on our side.
    func signIn(_ location: String, adding more: String = "") throws -> String {
        let items = URLComponents(string: location)?.queryItems ?? []
        func value(_ name: String) throws -> String {
            guard let value = items.first(where: { $0.name == name })?.value else { throw Missing(name: name) }
            return value
        }
        guard try value("client_id") == "sallyport", try value("code_challenge_method") == "S256" else {
            throw Missing(name: "client_id")
        }
        let code = "code-\(UUID().uuidString)"
        let (challenge, nonce, redirect) = (
            try value("code_challenge"), try value("nonce"), try value("redirect_uri")
        )
        state.withLock { $0.codes[code] = (challenge, nonce, redirect) }
        let path = String(redirect.dropFirst("http://localhost:8080".count))
        return "\(path)?code=\(code)&state=\(try value("state"))\(more)"
    }

    struct Missing: Error { let name: String }

    // MARK: The server

    private func respond(_ request: HTTPRequest, _ body: HTTPRequestBody) async -> HTTPResponse {
        let script = state.withLock { state in
            state.log.append("\(request.method.rawValue) \(request.path)")
            return state.script
        }
        if let answer = script.answers[request.path] { return await answer(request) }
        switch request.path {
        case "/.well-known/openid-configuration": return .json(.ok, discovery(script).serialized())
        case "/jwks": return .json(.ok, keySet(script))
        case "/token":
            guard let bytes = try? await body.collect(upTo: 1 << 16), let form = try? FormParameters(parsing: bytes)
            else { return .text(.badRequest, "") }
            return token(request, form, script)
        case "/userinfo":
            guard let info = script.userInfo else { return .text(.notFound, "") }
            return .json(.ok, JSONValue.object(info.map { .init($0.key, $0.value) }).serialized())
        default: return .text(.notFound, "")
        }
    }

    private func discovery(_ script: Script) -> JSONValue {
        var document: JSONValue = [
            "issuer": .string(issuer), "authorization_endpoint": .string(issuer + "/authorize"),
            "token_endpoint": .string(issuer + "/token"), "jwks_uri": .string(issuer + "/jwks"),
            "userinfo_endpoint": .string(issuer + "/userinfo"),
        ]
        if script.userInfo == nil { document["userinfo_endpoint"] = nil }
        for (name, value) in script.discovery { document[name] = value }
        return document
    }

    private func keySet(_ script: Script) -> [UInt8] {
        let keys = [key, spare].prefix(1 + script.surplusKeys)
        return JSONWebKeySet(keys: keys.compactMap { try? JSONWebKey($0.publicKey()) }).json()
    }

    private func token(_ request: HTTPRequest, _ form: FormParameters, _ script: Script) -> HTTPResponse {
        func error(_ code: String) -> HTTPResponse {
            .json(.badRequest, JSONValue.object([.init("error", .string(code))]).serialized())
        }
        let basic = Base64.encode(Array("sallyport:stand-in%20secret".utf8))
        guard request.fields["authorization"] == "Basic \(basic)" else { return error("invalid_client") }
        var nonce: String?
        if form.values("grant_type") == ["refresh_token"] {
            let token = form.values("refresh_token").first ?? ""
            guard state.withLock({ $0.refreshTokens.remove(token) }) != nil else { return error("invalid_grant") }
        } else {
            guard let code = state.withLock({ $0.codes.removeValue(forKey: form.values("code").first ?? "") }),
                form.values("redirect_uri") == [code.redirect],
                Base64URL.encode(SHA256.digest(Array((form.values("code_verifier").first ?? "").utf8)).bytes)
                    == code.challenge
            else { return error("invalid_grant") }
            nonce = code.nonce
        }
        var answer: JSONValue = ["access_token": "provider access token".token, "token_type": "Bearer"]
        if script.sendsIDToken { answer["id_token"] = .string(idToken(script, nonce: nonce)) }
        if script.givesRefreshToken {
            let token = state.withLock { state in
                state.count += 1
                let token = "provider-refresh-\(state.count)"
                state.refreshTokens.insert(token)
                return token
            }
            answer["refresh_token"] = .string(token)
        }
        return .json(.ok, answer.serialized())
    }

    private func idToken(_ script: Script, nonce: String?) -> String {
        let now = clock.now.seconds
        var claims: JSONValue = [
            "iss": .string(issuer), "sub": .string(script.subject), "aud": "sallyport", "iat": .integer(now),
            "exp": .integer(now + 300), "email": "alice@corp.test", "email_verified": true,
        ]
        if let nonce { claims["nonce"] = .string(nonce) }
        for (name, value) in script.claims { claims[name] = value }
        var header: JSONValue = ["alg": "ES256", "typ": "JWT"]
        if let id = try? JSONWebKey(key.publicKey()).id { header["kid"] = .string(id) }
        for (name, value) in script.header { header[name] = value }
        let signed = Base64URL.encode(header.serialized()) + "." + Base64URL.encode(claims.serialized())
        if script.unsigned { return signed + "." }
        let signer = script.breaksSignature ? spare : key
        let signature = (try? signer.sign(Array(signed.utf8))) ?? []
        return signed + "." + Base64URL.encode(signature)
    }
}

extension String {
    fileprivate var token: JSONValue { .string(split(separator: " ").joined(separator: "-")) }
}
