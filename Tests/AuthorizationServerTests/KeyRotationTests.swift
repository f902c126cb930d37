import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

@testable import AuthorizationServer

/// Signing keys: which one signs, when they change, and what becomes of the tokens of the old ones.
@Suite struct KeyRotationTests {
    static let day = Duration.seconds(86_400)

    private func header(of token: String) throws -> JSONNode {
        let part = try #require(token.split(separator: ".").first)
        return try JSONDocument(parsing: try #require(Base64URL.decode(String(part)))).root
    }

    @Test(
        "every algorithm signs when it is configured, and its key is published", arguments: SignatureAlgorithm.allCases)
    func algorithms(_ algorithm: SignatureAlgorithm) async throws {
        let fixture = try await Fixture { $0.accessTokenAlgorithm = algorithm }
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        let header = try header(of: tokens.access)
        #expect(header["alg"]?.string == algorithm.rawValue && header["typ"]?.string == "at+jwt")
        #expect(await fixture.accepts(tokens.access))
        let set = try await fixture.send(.get, "/jwks").json()["keys"]
        let published = set?.elements.first { $0["kid"]?.string == header["kid"]?.string }
        #expect(published?["alg"]?.string == algorithm.rawValue)
        #expect(set?.count == SignatureAlgorithm.allCases.count)
    }

    @Test("T08: the schedule makes one key, publishes it before it signs, and retires the old one after its last token")
    func schedule() async throws {
        let fixture = try await Fixture()
        let service = fixture.service
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        try await service.followKeySchedule()
        // The keys of the fixture are older than the interval.
        let next = try #require(try await service.keys.list().first { $0.state == .next })
        #expect(next.key.algorithm == "ES256")
        try await service.followKeySchedule()
        #expect(try await service.keys.list().count { $0.state == .next } == 1, "one is enough")
        let set = await fixture.send(.get, "/jwks").text
        #expect(set.contains(next.key.id), "published before it signs")
        let before = try await fixture.tokens(client, user: user).access
        #expect(try header(of: before)["kid"]?.string != next.key.id)

        fixture.clock.advance(by: .seconds(3600))
        try await service.prepare()
        let after = try await fixture.tokens(client, user: user).access
        #expect(try header(of: after)["kid"]?.string == next.key.id)
        let last = fixture.clock.now
        // The old key is there as long as any token of it could be good.
        fixture.clock.advance(by: Self.day + .seconds(299))
        try await service.followKeySchedule()
        let old = try #require(try header(of: before)["kid"]?.string)
        #expect(try await service.keys.list().contains { $0.key.id == old && $0.state == .verifying })
        fixture.clock.advance(by: .seconds(1))
        try await service.followKeySchedule()
        #expect(try await !service.keys.list().contains { $0.key.id == old })
        #expect(await !fixture.send(.get, "/jwks").text.contains(old))
        #expect(fixture.clock.now - last == Self.day + .seconds(300))
        #expect(fixture.audit.actions.count { $0 == .keyAdded } == 1)
        #expect(fixture.audit.actions.count { $0 == .keyRetired } == 1)
    }

    @Test("T08: a key stays for the longest life of its tokens, also after access_token_lifetime was lowered")
    func loweredLifetime() async throws {
        let before = try await Fixture { $0.accessTokenLifetime = Self.day }
        let after = try await Fixture(sharing: before) { $0.accessTokenLifetime = .seconds(60) }
        let client = try await before.registerClient()
        let user = try await before.addUser()
        _ = try await after.service.keys.rotate(.es256, publishAhead: .seconds(5))
        before.clock.advance(by: .seconds(4))
        let token = try await before.tokens(client, user: user).access
        before.clock.advance(by: Self.day - .milliseconds(1))
        try await after.service.followKeySchedule()
        try await after.service.prepare()
        #expect(await after.accepts(token), "good until it expires")
        before.clock.advance(by: .milliseconds(1))
        #expect(await !after.accepts(token))
    }

    @Test("T08: keys that change every hour are retired one by one, a day after the next one signs")
    func hourly() async throws {
        let fixture = try await Fixture {
            $0.keyRotation = KeyRotationPolicy(interval: .seconds(3600), publishAhead: .seconds(5))
        }
        func count() async throws -> Int {
            try await fixture.service.keys.list().count { $0.key.algorithm == "ES256" }
        }
        for _ in 0..<24 {
            try await fixture.service.followKeySchedule()
            fixture.clock.advance(by: .seconds(3600))
        }
        #expect(try await count() == 25, "the one of before, and one an hour")
        for _ in 0..<24 {
            try await fixture.service.followKeySchedule()
            fixture.clock.advance(by: .seconds(3600))
        }
        #expect(try await count() == 26, "as many as a day and the slack have hours, and the one that signs")
    }

    @Test("without an interval keys stay, and a command may still rotate") func byCommandOnly() async throws {
        let fixture = try await Fixture { $0.keyRotation.interval = nil }
        fixture.clock.advance(by: Self.day * 1000)
        try await fixture.service.followKeySchedule()
        #expect(try await fixture.service.keys.list().count == 3)
        _ = try await fixture.service.keys.rotate(.edDSA, publishAhead: .seconds(5))
        #expect(try await fixture.service.keys.list().last?.state == .next)
    }

    @Test("the only key that signs is not retired, and neither is one that is not there")
    func onlyKey() async throws {
        let fixture = try await Fixture()
        let keys = fixture.service.keys
        let only = try #require(try await keys.list().first { $0.key.algorithm == "ES256" }).key.id
        await #expect(throws: KeyAdministration.Refusal.onlyKey(only)) { try await keys.retire(only) }
        _ = try await keys.rotate(.es256, publishAhead: .seconds(10))
        await #expect(throws: KeyAdministration.Refusal.onlyKey(only)) { try await keys.retire(only) }
        fixture.clock.advance(by: .seconds(10))
        #expect(try await keys.retire(only).key.id == only)
        await #expect(throws: KeyAdministration.Refusal.unknownKey(only)) { try await keys.retire(only) }
    }

    @Test("T08, R04: a key that is not known while the store cannot be read is no reason to refuse for good")
    func unknownWhileStale() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let other = try await SigningKeyring.open(
            store: fixture.store, sealing: SharedKeys.sealing, at: fixture.clock.now)
        // A second process, which reads nothing any more.
        let index = RevocationIndex(clock: fixture.clock.wallClock)
        try await index.read(
            fixture.store, at: fixture.clock.now, forgetBefore: Timestamp(millisecondsSinceEpoch: 0))
        _ = try await fixture.service.keys.rotate(.es256, publishAhead: .seconds(5))
        try await fixture.service.prepare()
        fixture.clock.advance(by: .seconds(5))
        let token = try await fixture.tokens(client, user: user).access
        let verifier = JWTAccessTokenVerifier(keys: other, revocations: index, clock: fixture.clock.wallClock)
        let resource = "http://localhost:8080/a/mcp"
        let stale = await #expect(throws: AccessTokenRejection.self) {
            try await verifier.verify(token, for: resource, issuer: "http://localhost:8080")
        }
        #expect(stale?.kind == .unavailable)
        try await other.refresh()
        try await index.read(
            fixture.store, at: fixture.clock.now, forgetBefore: Timestamp(millisecondsSinceEpoch: 0))
        _ = try await verifier.verify(token, for: resource, issuer: "http://localhost:8080")
    }
}
