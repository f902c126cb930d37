import AsyncIO
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Synchronization
import Telemetry
import TestSupport
import Testing

/// Another authorization server on a free port: discovery, keys, introspection. A test decides what it says and when it
/// is down.
final class IssuerServer: Sendable {
    struct State {
        var now = Timestamp(secondsSinceEpoch: 1_800_000_000)
        var keys: [JSONWebKey] = []
        var isDown = false
        /// What is said about a token; nothing means inactive.
        var introspections: [String: String] = [:]
        var requests: [String: Int] = [:]
        var credentials: [String] = []
    }

    /// One of its paths.
    struct Endpoint: HTTPResponder {
        let issuer: IssuerServer
        let kind: String

        func respond(to request: HTTPRequest, body: HTTPRequestBody) async -> HTTPResponse {
            switch kind {
            case "discovery": return issuer.answer(kind, issuer.discovery)
            case "jwks": return issuer.answer(kind, issuer.keySet)
            default:
                let form = try? FormParameters(parsing: await body.collect(upTo: 20_000))
                return issuer.answer(
                    kind, issuer.introspect(form?.values("token").first ?? "", request.fields["authorization"] ?? ""))
            }
        }
    }

    static let resource = "https://gw.test/a/mcp"
    static let origin = "https://gw.test"

    let loops = EventLoopGroup(count: 1)
    let state = Mutex(State())
    private let server = Mutex<HTTPServer?>(nil)
    private let place = Mutex("")

    /// Starts it.
    init() async throws {
        var router = HTTPRouter()
        router.on(.get, "/.well-known/openid-configuration", Endpoint(issuer: self, kind: "discovery"))
        router.on(.get, "/jwks", Endpoint(issuer: self, kind: "jwks"))
        router.on(.post, "/introspect", Endpoint(issuer: self, kind: "introspect"))
        let server = HTTPServer(group: loops, responder: router)
        let port = try await server.start(on: .ip(.v4(0x7F00_0001), port: 0)).port
        self.server.withLock { $0 = server }
        place.withLock { $0 = "http://127.0.0.1:\(port)" }
    }

    /// Ends it.
    func stop() async {
        await server.withLock { $0 }?.drain(within: .milliseconds(100))
        let loops = loops
        try? await onThread { loops.shutdown() }
    }

    var issuer: String { place.withLock { $0 } }
    var now: Timestamp {
        get { state.withLock { $0.now } }
        set { state.withLock { $0.now = newValue } }
    }
    func requests(_ kind: String) -> Int { state.withLock { $0.requests[kind] ?? 0 } }

    /// Decides what is said about a token; nil makes it inactive.
    func say(_ token: String, _ answer: String?) { state.withLock { $0.introspections[token] = answer } }

    private var keySet: String {
        String(decoding: JSONWebKeySet(keys: state.withLock { $0.keys }).json(), as: UTF8.self)
    }

    private func introspect(_ token: String, _ credential: String) -> String {
        state.withLock { state in
            state.credentials.append(credential)
            return state.introspections[token] ?? #"{"active":false}"#
        }
    }

    private var discovery: String {
        let issuer = issuer
        return """
            {"issuer":"\(issuer)","authorization_endpoint":"\(issuer)/authorize","token_endpoint":"\(issuer)/token",
            "jwks_uri":"\(issuer)/jwks","introspection_endpoint":"\(issuer)/introspect"}
            """
    }

    private func answer(_ kind: String, _ body: String) -> HTTPResponse {
        let isDown = state.withLock { state in
            state.requests[kind, default: 0] += 1
            return state.isDown
        }
        return isDown ? .text(.serviceUnavailable, "down") : .json(.ok, Array(body.utf8))
    }

    // MARK: What it issues

    /// Makes a key, published unless it is to be a secret.
    func makeKey(_ algorithm: SignatureAlgorithm = .es256, isPublished: Bool = true) throws -> PrivateKey {
        let key = try PrivateKey.generate(algorithm)
        let published = JSONWebKey(try key.publicKey())
        if isPublished { state.withLock { $0.keys.append(published) } }
        return key
    }

    /// The claims of a good token; nil leaves one out.
    func claims(_ changes: [String: String?] = [:]) -> String {
        let now = now.seconds
        let members: [String: String?] = [
            "iss": "\"\(issuer)\"", "sub": #""alice""#, "aud": "\"\(Self.resource)\"", "exp": "\(now + 900)",
            "iat": "\(now)", "jti": #""t1""#, "client_id": #""c1""#, "scope": #""read write""#,
            "preferred_username": #""Alice""#, "email": #""alice@example.com""#, "groups": #"["staff","ops"]"#,
        ]
        let all = members.merging(changes) { $1 }.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }
        return "{" + all.joined(separator: ",") + "}"
    }

    func token(
        _ key: PrivateKey, type: String = "at+jwt", kid: String? = nil, _ changes: [String: String?] = [:]
    ) throws -> String {
        let id = try kid ?? JSONWebKey(key.publicKey()).id
        return try CompactJWS.sign(Array(claims(changes).utf8), type: type, keyID: id, key: key)
    }

    // MARK: Who takes its tokens

    func verifier(
        _ verification: ExternalIssuer.Verification = .keySet(at: nil), own: (any AccessTokenVerifier)? = nil,
        _ change: (inout ExternalIssuer) -> Void = { _ in }
    ) throws -> IssuerSelectingVerifier {
        var issuer = ExternalIssuer(try HTTPURL(issuer), verification)
        change(&issuer)
        let loop = loops.loops[0]
        let clients = OutboundClients(
            configured: HTTPClient(on: loop, policy: .configured),
            publicOnly: HTTPClient(on: loop, policy: .publicOnly))
        let verifier = ExternalIssuerVerifier(
            issuer, documents: OutboundDocuments(home: issuer.issuer, clients: clients),
            clock: WallClock { self.now })
        return IssuerSelectingVerifier([verifier], own: own)
    }
}

/// Runs `body` with an issuer and stops it whatever happens.
func withIssuer(_ body: (IssuerServer) async throws -> Void) async throws {
    let issuer = try await IssuerServer()
    do {
        try await body(issuer)
    } catch {
        await issuer.stop()
        throw error
    }
    await issuer.stop()
}

/// Why the token is refused; nil where it is taken.
func refusal(
    _ verifier: IssuerSelectingVerifier, _ token: String, resource: String = IssuerServer.resource
) async -> AccessTokenRejection.Kind? {
    do throws(AccessTokenRejection) {
        _ = try await verifier.verify(token, for: resource, issuer: IssuerServer.origin)
        return nil
    } catch {
        return error.kind
    }
}
