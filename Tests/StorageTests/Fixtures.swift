import AsyncIO
import AuthorizationServer
import Crypto
import Foundation
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// A backend that must pass the conformance suite.
enum Backend: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory, sqlite, redis

    var testDescription: String { rawValue }
}

/// A fresh store with the folder it lives in.
final class StoreUnderTest: Sendable {
    let store: any AuthorizationStore
    let directory: TemporaryDirectory
    private let redis: (server: RedisServer, loop: EventLoop)?

    init(_ backend: Backend) throws {
        directory = try TemporaryDirectory("store")
        switch backend {
        case .memory:
            redis = nil
            store = MemoryStore()
        case .sqlite:
            redis = nil
            store = try SQLiteStore(path: directory.file("sallyport.db"))
        case .redis:
            let server = try RedisServer()
            try server.start()
            let loop = EventLoop(name: "redis")
            redis = (server, loop)
            store = try RedisStore(
                location: try RedisLocation(parsing: server.url), loops: [loop], logger: Logger(label: "redis"))
        }
    }

    deinit {
        redis?.loop.shutdown()
        redis?.server.kill()
    }

    /// Keeps the folder until here: it goes with this object.
    func keep() { withExtendedLifetime(directory) {} }
}

/// Time zero of the tests.
let start = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)

/// `seconds` after `start`.
func at(_ seconds: Int64) -> Timestamp {
    Timestamp(millisecondsSinceEpoch: start.millisecondsSinceEpoch + seconds * 1000)
}

/// The digest of a secret as the authorization server makes it.
func digest(_ secret: String) -> SecretDigest { SecretDigest(bytes: SHA256.digest(Array(secret.utf8)).bytes) }

func makeGrant(
    _ id: String = "grant-1", user: String = "user-1", client: String = "client-1", expires: Int64 = 86_400
) -> GrantRecord {
    GrantRecord(
        id: GrantID(id), user: UserID(user), client: ClientID(client), scope: Scope(tokens: ["mcp:use", "time"]),
        resources: ["http://localhost:8080/demo/mcp"], issuer: "http://localhost:8080", grantedAt: start,
        expiresAt: at(expires))
}

func makeCode(_ secret: String, grant: GrantRecord = makeGrant(), lifetime: Int64 = 60) -> AuthorizationCodeRecord {
    AuthorizationCodeRecord(
        id: digest(secret), grant: grant, redirectURI: "http://127.0.0.1:9/callback", codeChallenge: "challenge",
        issuedAt: start, expiresAt: at(lifetime))
}

func makeUser(_ name: String, id: String? = nil) -> UserRecord {
    UserRecord(id: UserID(id ?? "id-\(name)"), name: name, groups: ["staff"], createdAt: start)
}

func makeClient(_ id: String, registered: Int64 = 0) -> ClientRecord {
    ClientRecord(id: ClientID(id), metadata: Array("{\"client_name\":\"x\"}".utf8), registeredAt: at(registered))
}

func makeTransaction(_ secret: String, stage: AuthorizationTransaction.Stage = .login, began: Int64 = 0)
    -> AuthorizationTransaction
{
    AuthorizationTransaction(
        id: digest(secret), browser: digest("browser"), stage: stage, request: Array("request".utf8),
        beganAt: at(began), expiresAt: at(began + 600))
}

func makeKey(_ id: String, created: Int64 = 0) -> SigningKeyRecord {
    SigningKeyRecord(
        id: id, algorithm: "ES256", sealedPrivateKey: [1, 2, 3], createdAt: at(created), signsFrom: at(created))
}

extension AuthorizationCodeStore {
    /// Issues and redeems a code; the family begins with `refresh`.
    func openGrant(_ grant: GrantRecord = makeGrant(), refresh: String = "refresh-0") async throws {
        let secret = "code for \(grant.id.value)"
        try await issue(makeCode(secret, grant: grant))
        let outcome = try await redeem(digest(secret), refreshToken: digest(refresh), failureLimit: 5, at: at(1))
        #expect(outcome == .redeemed(grant))
    }
}

/// Runs `body` `count` times at once and returns what came of it.
func race<T: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> T) async throws -> [T] {
    try await withThrowingTaskGroup(of: T.self) { group in
        for index in 0..<count { group.addTask { try await body(index) } }
        var results: [T] = []
        for try await result in group { results.append(result) }
        return results
    }
}
