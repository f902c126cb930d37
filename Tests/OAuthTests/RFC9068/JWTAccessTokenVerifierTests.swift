import Crypto
import HTTP
import JSON
import Telemetry
import Testing

@testable import OAuth

@Suite struct JWTAccessTokenVerifierTests {
    @Test("T08: a remembered token is refused once it is revoked, its key is removed or it has expired")
    func stale() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let token = try fixture.token()
        #expect(await accepts(verifier, token))
        fixture.set(.revoked, of: GrantID("g1"))
        #expect(await !accepts(verifier, token))
        fixture.set(.active, of: GrantID("g1"))
        #expect(await accepts(verifier, token))
        fixture.now = fixture.now + .seconds(901)
        #expect(await !accepts(verifier, token))
        fixture.now = fixture.now - .seconds(901)
        fixture.removeKeys()
        #expect(await !accepts(verifier, token))
    }

    @Test("R04: what is not known is refused as unavailable, not let through")
    func failClosed() async throws {
        let fixture = try TokenFixture()
        fixture.set(.unknown, of: GrantID("g1"))
        let token = try fixture.token()
        let error = await #expect(throws: AccessTokenRejection.self) {
            try await fixture.verifier().verify(token, for: TokenFixture.resource, issuer: TokenFixture.issuer)
        }
        #expect(error?.kind == .unavailable)
    }

    @Test("R04: 10,000 random Authorization values let nobody in") func randomAuthorization() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let good = try fixture.token()
        let parts = good.split(separator: ".").map(String.init)
        #expect(await !accepts(verifier, ""))
        var looked = 0
        for number in 0..<10_000 {
            let noise = Base64URL.encode(Random.bytes(1 + number % 40))
            let value =
                switch number % 8 {
                case 0: noise
                case 1: "Bearer " + noise
                case 2: "Bearer \(noise).\(noise).\(noise)"
                case 3: "Bearer \(parts[0]).\(noise).\(parts[2])"
                case 4: "Bearer \(parts[0]).\(parts[1]).\(noise)"
                case 5: "Bearer " + String(decoding: Random.bytes(1 + number % 40), as: UTF8.self)
                case 6: "Bearer " + good.prefix(number % good.utf8.count)
                default: "Basic " + good
                }
            guard case .token(let token) = BearerCredentials.parse(["Authorization": value]) else { continue }
            looked += 1
            #expect(await !accepts(verifier, token), "\(value)")
        }
        #expect(looked > 5000)
    }

    @Test("T09: 10,000 tokens of two users that share their beginnings are told apart", .timeLimit(.minutes(2)))
    func cacheConfusion() async throws {
        let fixture = try TokenFixture()
        // Smaller than the crowd, so that tokens are remembered, forgotten and verified again.
        let verifier = fixture.verifier(capacity: 4000)
        var shared: [Int] = []
        let pairs = try (0..<5000).map { number in
            // The pad moves the first difference: the pair shares 20 to 200 characters and more.
            let pad = String(repeating: "p", count: number % 130 + 4) + "\(number)"
            let pair = try ["alice", "bob"].map { user in
                let header = fixture.header.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
                return try fixture.token(
                    claims: ["sub": "\"\(user)\""], rawHeader: "{\"x\":\"\(pad)\(user)\",\(header)}")
            }
            shared.append(zip(pair[0].utf8, pair[1].utf8).prefix { $0 == $1 }.count)
            return pair
        }
        #expect(try #require(shared.min()) <= 20 && #require(shared.max()) >= 180)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for (user, token) in pairs[(task * 1250)..<((task + 1) * 1250)].flatMap({
                        zip(["alice", "bob"], $0)
                    }) {
                        for _ in 0..<2 {
                            let principal = try await verifier.verify(
                                token, for: TokenFixture.resource, issuer: TokenFixture.issuer)
                            #expect(principal.user == UserID(user))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("T09: the memory of tokens is bounded, and what is in use stays") func boundedCache() throws {
        let fixture = try TokenFixture()
        let document = try JSONDocument(parsing: Array(fixture.claimsText.utf8))
        let token = try #require(VerifiedToken(document.root, keyID: []))
        let cache = VerifiedTokenCache<VerifiedToken>(capacity: 100)
        let used = SHA256.digest([1])
        cache.insert(token, for: used)
        for number in 0..<1000 {
            cache.insert(token, for: SHA256.digest(Array("\(number)".utf8)))
            #expect(cache.token(used) != nil)
            #expect(cache.count <= 101)
        }
        #expect(cache.token(SHA256.digest(Array("0".utf8))) == nil)
    }

    @Test("R02: tokens of other resources and other issuers are refused")
    func otherResource() async throws {
        let fixture = try TokenFixture()
        let verifier = fixture.verifier()
        let token = try fixture.token()
        #expect(await accepts(verifier, token))
        #expect(await !accepts(verifier, token, resource: "https://gw.test/b/mcp"))
        #expect(await !accepts(verifier, token, issuer: "https://other.test"))
        let stranger = try TokenFixture().token()
        #expect(await !accepts(verifier, stranger))
        let several = try fixture.token(claims: ["aud": #"["https://gw.test/a/mcp","https://gw.test/b/mcp"]"#])
        #expect(await accepts(verifier, several))
        #expect(await accepts(verifier, several, resource: "https://gw.test/b/mcp"))
    }
}
