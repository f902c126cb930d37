import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with codes, grants and refresh tokens.
@Suite("Store conformance: codes, grants, refresh tokens", .timeLimit(.minutes(2)))
struct GrantConformance {
    @Test("A06: a code that is presented again revokes its grant", arguments: Backend.allCases)
    func reusedCode(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant()
        let again = try await store.redeem(
            digest("code for grant-1"), refreshToken: digest("other"), failureLimit: 5, at: at(2))
        #expect(again == .reused(GrantID("grant-1")))
        #expect(try await store.grant(GrantID("grant-1"))?.revokedAt == at(2))
        #expect(try await store.refreshToken(digest("other")) == nil)
        #expect(try await store.revocations(after: 0, limit: 10).map(\.grant) == [GrantID("grant-1")])
    }

    @Test("A06: an expired code is refused, at the first millisecond of its end", arguments: Backend.allCases)
    func expiredCode(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.issue(makeCode("c"))
        #expect(try await store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(60)) == .expired)
        #expect(try await store.grant(GrantID("grant-1")) == nil)
        #expect(try await store.redeem(digest("no"), refreshToken: nil, failureLimit: 5, at: at(1)) == .unknown)
    }

    @Test("A05: five wrong verifiers burn a code", arguments: Backend.allCases)
    func burntCode(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.issue(makeCode("c"))
        for count in 1...5 { #expect(try await store.countFailure(digest("c"), at: at(1)) == count) }
        #expect(try await store.countFailure(digest("unknown"), at: at(1)) == 0)
        #expect(try await store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(2)) == .burnt)
    }

    @Test("U07: when a user's live grants were last used", arguments: Backend.allCases)
    func lastUses(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant()
        try await store.openGrant(makeGrant("grant-2"), refresh: "other-0")
        try await store.openGrant(makeGrant("grant-3", user: "user-2"), refresh: "third-0")
        let user = UserID("user-1")
        let both = [GrantID("grant-1"): at(1), GrantID("grant-2"): at(1)]
        #expect(try await store.lastUses(of: user, at: at(2)) == both)
        _ = try await store.rotate(
            digest("refresh-0"), of: ClientID("client-1"), successor: digest("refresh-1"), policy: RotationPolicy(),
            at: at(10))
        _ = try await store.revoke(GrantID("grant-2"), reason: .userRequest, at: at(11))
        #expect(try await store.lastUses(of: user, at: at(12)) == [GrantID("grant-1"): at(10)])
        #expect(try await store.lastUses(of: user, at: at(86_400)).isEmpty)
        #expect(try await store.lastUses(of: UserID("nobody"), at: at(12)).isEmpty)
    }

    @Test("A07: of 100 racing redemptions of a code exactly one wins", arguments: Backend.allCases)
    func redeemRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for round in 0..<20 {
            let grant = makeGrant("grant-\(round)")
            try await store.issue(makeCode("code-\(round)", grant: grant))
            let outcomes = try await race(100) { index in
                try await store.redeem(
                    digest("code-\(round)"), refreshToken: digest("r-\(round)-\(index)"), failureLimit: 5, at: at(1))
            }
            #expect(outcomes.filter { $0 == .redeemed(grant) }.count == 1)
            #expect(outcomes.filter { $0 == .reused(grant.id) }.count == 99)
            var stored = 0
            for index in 0..<100 where try await store.refreshToken(digest("r-\(round)-\(index)")) != nil {
                stored += 1
            }
            #expect(stored == 1)
        }
    }

    @Test("A11: a refresh token is rotated, and again within its grace", arguments: Backend.allCases)
    func rotation(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant()
        let client = ClientID("client-1")
        let first = try await store.rotate(
            digest("refresh-0"), of: client, successor: digest("refresh-1"), policy: RotationPolicy(), at: at(10))
        #expect(first == .rotated(makeGrant(), withinGrace: false))
        let second = try await store.rotate(
            digest("refresh-0"), of: client, successor: digest("refresh-1b"), policy: RotationPolicy(), at: at(129))
        #expect(second == .rotated(makeGrant(), withinGrace: true))
        let successor = try #require(try await store.refreshToken(digest("refresh-1")))
        #expect(successor.token.generation == 1)
        #expect(successor.grant.expiresAt == at(86_400))
        let late = try await store.rotate(
            digest("refresh-0"), of: client, successor: digest("refresh-1c"), policy: RotationPolicy(), at: at(130))
        #expect(late == .reused(GrantID("grant-1")))
        let family = try await store.rotate(
            digest("refresh-1"), of: client, successor: digest("refresh-2"), policy: RotationPolicy(), at: at(131))
        #expect(family == .revoked(GrantID("grant-1")))
        #expect(try await store.refreshToken(digest("refresh-2")) == nil)
    }

    @Test("A11: 50 parallel refreshes with one token: ten succeed, then the family dies", arguments: Backend.allCases)
    func parallelRefreshes(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant()
        let outcomes = try await race(50) { index in
            try await store.rotate(
                digest("refresh-0"), of: ClientID("client-1"), successor: digest("s-\(index)"),
                policy: RotationPolicy(), at: at(10))
        }
        let rotated = outcomes.filter { if case .rotated = $0 { true } else { false } }
        #expect(rotated.count == 10)
        #expect(outcomes.filter { $0 == .reused(GrantID("grant-1")) }.count == 1)
        #expect(outcomes.filter { $0 == .revoked(GrantID("grant-1")) }.count == 39)
    }

    @Test("A11: with a grace of zero the second presentation is reuse", arguments: Backend.allCases)
    func strictRotation(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant()
        let outcomes = try await race(100) { index in
            try await store.rotate(
                digest("refresh-0"), of: ClientID("client-1"), successor: digest("s-\(index)"),
                policy: RotationPolicy(graceMilliseconds: 0), at: at(10))
        }
        #expect(outcomes.filter { $0 == .rotated(makeGrant(), withinGrace: false) }.count == 1)
        #expect(try await store.grant(GrantID("grant-1"))?.revokedAt == at(10))
    }

    @Test("A08: a refresh token of another client changes nothing", arguments: Backend.allCases)
    func wrongClient(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant()
        let outcome = try await store.rotate(
            digest("refresh-0"), of: ClientID("client-2"), successor: digest("s"), policy: RotationPolicy(), at: at(2))
        #expect(outcome == .wrongClient)
        #expect(try await store.refreshToken(digest("refresh-0"))?.token.presentations == 0)
        let expired = try await store.rotate(
            digest("refresh-0"), of: ClientID("client-1"), successor: digest("s"), policy: RotationPolicy(),
            at: at(86_400))
        #expect(expired == .expired)
    }

    @Test("A12: after a revocation has returned no refresh in flight revives the family", arguments: Backend.allCases)
    func revokeRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for round in 0..<250 {
            let id = GrantID("grant-\(round)")
            try await store.openGrant(makeGrant(id.value), refresh: "refresh-\(round)")
            // Nine: more would be reuse, which ends the family by itself (A11).
            _ = try await race(10) { index in
                if index == 5 {
                    let outcome = try await store.revoke(id, reason: .clientRequest, at: at(2))
                    #expect(outcome == .revoked || outcome == .alreadyRevoked)
                    let late = try await store.rotate(
                        digest("refresh-\(round)"), of: ClientID("client-1"), successor: digest("late-\(round)"),
                        policy: RotationPolicy(), at: at(2))
                    #expect(late == .revoked(id))
                    return
                }
                _ = try await store.rotate(
                    digest("refresh-\(round)"), of: ClientID("client-1"), successor: digest("s-\(round)-\(index)"),
                    policy: RotationPolicy(), at: at(2))
            }
            for index in 0..<10 {
                guard let found = try await store.refreshToken(digest("s-\(round)-\(index)")) else { continue }
                #expect(found.grant.revokedAt != nil)
                let revived = try await store.rotate(
                    found.token.id, of: ClientID("client-1"), successor: digest("again"), policy: RotationPolicy(),
                    at: at(3))
                #expect(revived == .revoked(id))
            }
        }
    }

    @Test("T08: 100 racing revocations are one entry of the feed, in order", arguments: Backend.allCases)
    func feed(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for index in 0..<5 { try await store.openGrant(makeGrant("g\(index)"), refresh: "r\(index)") }
        let outcomes = try await race(100) { index in
            try await store.revoke(GrantID("g\(index % 5)"), reason: .clientRequest, at: at(5))
        }
        #expect(outcomes.filter { $0 == .revoked }.count == 5)
        #expect(outcomes.filter { $0 == .alreadyRevoked }.count == 95)
        let feed = try await store.revocations(after: 0, limit: 100)
        #expect(Set(feed.map(\.grant.value)) == ["g0", "g1", "g2", "g3", "g4"])
        #expect(feed.map(\.sequence) == feed.map(\.sequence).sorted())
        let rest = try await store.revocations(after: feed[2].sequence, limit: 1)
        #expect(rest == [feed[3]])
        #expect(try await store.revocations(after: feed[4].sequence, limit: 10).isEmpty)
        #expect(try await store.revoke(GrantID("none"), reason: .clientRequest, at: at(6)) == .unknown)
    }

    @Test("S03: a clock set back revives nothing that was refused", arguments: Backend.allCases)
    func clockSetBack(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.issue(makeCode("c"))
        #expect(try await store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(61)) == .expired)
        #expect(try await store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(-3539)) == .expired)
        try await store.begin(makeTransaction("t", began: -600), capacity: 10)
        let advance = try await store.advance(
            digest("t"), browser: digest("browser"), from: .login, to: .consent, user: nil, at: at(-590))
        #expect(advance == .expired)
    }

    @Test("revoking all of a user burns codes and spares others", arguments: Backend.allCases)
    func revokeAll(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant(makeGrant("g1", user: "u1"), refresh: "r1")
        try await store.openGrant(makeGrant("g2", user: "u2"), refresh: "r2")
        try await store.issue(makeCode("open", grant: makeGrant("g3", user: "u1")))
        let ended = try await store.revokeAll(of: UserID("u1"), reason: .userDisabled, at: at(5))
        #expect(ended == [GrantID("g1")])
        #expect(try await store.redeem(digest("open"), refreshToken: nil, failureLimit: 5, at: at(6)) == .burnt)
        #expect(try await store.grants(of: UserID("u1"), at: at(6)).isEmpty)
        #expect(try await store.grants(of: UserID("u2"), at: at(6)).map(\.id) == [GrantID("g2")])
    }

    @Test("a sweep takes what has ended and nothing else", arguments: Backend.allCases)
    func sweep(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.openGrant(makeGrant("short", expires: 100), refresh: "r-short")
        try await store.openGrant(makeGrant("long"), refresh: "r-long")
        try await store.issue(makeCode("unused"))
        try await store.begin(makeTransaction("t"), capacity: 10)
        _ = try await store.revoke(GrantID("long"), reason: .clientRequest, at: at(10))
        #expect(try await store.sweep(at: at(50), revocationsBefore: at(0)) == 0)
        // The unused code, the short grant and its code.
        #expect(try await store.sweep(at: at(101), revocationsBefore: at(5)) == 3)
        #expect(try await store.refreshToken(digest("r-short")) == nil)
        // The used code of a grant that still lives is kept, so that its replay is recognised.
        let replay = try await store.redeem(digest("code for long"), refreshToken: nil, failureLimit: 5, at: at(102))
        #expect(replay == .reused(GrantID("long")))
        #expect(try await store.sweep(at: at(700), revocationsBefore: at(11)) == 2)  // transaction, revocation
    }
}
