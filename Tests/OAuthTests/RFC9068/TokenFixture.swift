import Crypto
import JSON
import OAuth
import Synchronization
import Telemetry

/// Keys, a grant and a verifier whose clock and revocations a test decides.
final class TokenFixture: VerificationKeySource, RevocationState {
    static let issuer = "https://gw.test"
    static let resource = "https://gw.test/a/mcp"

    private struct State {
        var keys: [[UInt8]: PublicKey] = [:]
        var statuses: [GrantID: RevocationStatus] = [:]
        var now = Timestamp(secondsSinceEpoch: 1_800_000_000)
        var longestKeyID = 0
    }

    let key: PrivateKey
    let keyID: String
    private let state = Mutex(State())

    init(_ algorithm: SignatureAlgorithm = .es256) throws {
        key = try PrivateKey.generate(algorithm)
        let jwk = JSONWebKey(try key.publicKey())
        keyID = jwk.id
        state.withLock { $0.keys[Array(jwk.id.utf8)] = jwk.key }
    }

    var now: Timestamp {
        get { state.withLock { $0.now } }
        set { state.withLock { $0.now = newValue } }
    }

    func removeKeys() { state.withLock { $0.keys = [:] } }

    func set(_ status: RevocationStatus, of grant: GrantID) { state.withLock { $0.statuses[grant] = status } }

    func verificationKey(id: [UInt8]) -> PublicKey? {
        state.withLock { state in
            state.longestKeyID = max(state.longestKeyID, id.count)
            return state.keys[id]
        }
    }

    /// The longest key id that was looked up.
    var longestKeyID: Int { state.withLock { $0.longestKeyID } }

    func status(of grant: GrantID) -> RevocationStatus { state.withLock { $0.statuses[grant] ?? .active } }

    func verifier(capacity: Int = 1000) -> JWTAccessTokenVerifier {
        JWTAccessTokenVerifier(
            keys: self, revocations: self, clock: WallClock { self.now }, cacheCapacity: capacity)
    }

    /// The claims of a good token as text members.
    var claims: [(String, String)] {
        let now = now.seconds
        return [
            ("iss", #""https://gw.test""#), ("sub", #""alice""#), ("aud", #""https://gw.test/a/mcp""#),
            ("exp", "\(now + 900)"), ("iat", "\(now)"), ("jti", #""t1""#), ("client_id", #""c1""#), ("scope", #""x""#),
            ("grant", #""g1""#), ("name", #""Alice""#),
        ]
    }

    var header: [(String, String)] {
        [("alg", #""\#(key.algorithm.rawValue)""#), ("typ", #""at+jwt""#), ("kid", #""\#(keyID)""#)]
    }

    /// The payload of a good token.
    var claimsText: String { Self.object(claims, [:]) }

    /// A token with members replaced or, by nil, left out.
    func token(
        header changedHeader: [String: String?] = [:], claims changedClaims: [String: String?] = [:],
        rawHeader: String? = nil, rawClaims: String? = nil
    ) throws -> String {
        let head = rawHeader ?? Self.object(header, changedHeader)
        let body = rawClaims ?? Self.object(claims, changedClaims)
        return try sign(Array(head.utf8), Array(body.utf8))
    }

    func sign(_ header: [UInt8], _ payload: [UInt8]) throws -> String {
        let signed = Base64URL.encode(header) + "." + Base64URL.encode(payload)
        return signed + "." + Base64URL.encode(try key.sign(Array(signed.utf8)))
    }

    private static func object(_ members: [(String, String)], _ changes: [String: String?]) -> String {
        var all = members.filter { !changes.keys.contains($0.0) }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            if let value { all.append((name, value)) }
        }
        return "{" + all.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}

/// Whether the verifier takes the token.
func accepts(
    _ verifier: JWTAccessTokenVerifier, _ token: String, resource: String = TokenFixture.resource,
    issuer: String = TokenFixture.issuer
) async -> Bool {
    do {
        _ = try await verifier.verify(token, for: resource, issuer: issuer)
        return true
    } catch {
        return false
    }
}
