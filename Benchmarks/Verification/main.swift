// Bearer verification in process: how many of our own access tokens one core verifies in a second, remembered and not.
// Started by `./bench bearer`; prints one JSON object a line.
import Crypto
import Dispatch
import OAuth
import Telemetry

/// One key, and a grant that never ends.
struct Issuer: VerificationKeySource, RevocationState {
    static let origin = "https://gw.test"
    static let resource = "https://gw.test/demo/mcp"

    let key: PrivateKey
    let publicKey: PublicKey
    let keyID: String

    init(_ algorithm: SignatureAlgorithm) throws {
        key = try PrivateKey.generate(algorithm)
        publicKey = try key.publicKey()
        keyID = JSONWebKey(publicKey).id
    }

    func verificationKey(id: [UInt8]) -> PublicKey? { id.elementsEqual(keyID.utf8) ? publicKey : nil }
    func status(of grant: GrantID) -> RevocationStatus { .active }

    /// An access token as `/token` makes it.
    func token(_ number: Int) throws -> String {
        let now = WallClock.system.now()
        let claims = AccessTokenClaims(
            issuer: Self.origin, subject: UserID("user_\(number)"), audience: [Self.resource],
            expires: now + .seconds(3600), issuedAt: now, id: TokenID("at_\(number)"), client: ClientID("client"),
            scope: Scope(tokens: ["mcp"]), grant: GrantID("grant_\(number)"), name: "alice",
            email: "alice@example.com", groups: ["staff"])
        return try CompactJWS.sign(claims.serialized(), type: "at+jwt", keyID: keyID, key: key)
    }
}

/// Verifies the tokens in turn for about `seconds`; how many a second.
func rate(_ verifier: JWTAccessTokenVerifier, _ tokens: [String], seconds: Double) async throws -> Double {
    let clock = ContinuousClock()
    let begin = clock.now
    var count = 0
    while clock.now - begin < .seconds(seconds) {
        for token in tokens {
            _ = try await verifier.verify(token, for: Issuer.resource, issuer: Issuer.origin)
        }
        count += tokens.count
    }
    return Double(count) / ((clock.now - begin) / .seconds(1))
}

// Not a plain task: that would wait for the main thread, which waits for it.
let done = DispatchSemaphore(value: 0)
Task.detached {
    for algorithm in SignatureAlgorithm.allCases {
        let issuer = try Issuer(algorithm)
        let tokens = try (0..<1000).map { try issuer.token($0) }
        let warm = JWTAccessTokenVerifier(keys: issuer, revocations: issuer, clock: .system)
        _ = try await rate(warm, tokens, seconds: 0.2)
        let remembered = try await rate(warm, tokens, seconds: 2)
        // A memory of one token, asked about a thousand: every signature is checked.
        let cold = JWTAccessTokenVerifier(keys: issuer, revocations: issuer, clock: .system, cacheCapacity: 1)
        let checked = try await rate(cold, tokens, seconds: 1)
        print("{\"algorithm\":\"\(algorithm.rawValue)\",\"warm\":\(remembered),\"cold\":\(checked)}")
    }
    done.signal()
}
done.wait()
