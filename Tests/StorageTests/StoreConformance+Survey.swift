import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must tell an operator.
@Suite("Store conformance: sessions, grants and counts for an operator", .timeLimit(.minutes(2)))
struct SurveyConformance {
    private static let lifetime = SessionLifetime(idleMilliseconds: 100_000, absoluteMilliseconds: 250_000)

    private func session(_ name: String, of user: String = "u", seen: Int64 = 0) -> BrowserSession {
        BrowserSession(id: digest(name), user: UserID(user), startedAt: at(0), lastSeenAt: at(seen))
    }

    @Test("U07: live sessions are listed, and ended by user or all but one", arguments: Backend.allCases)
    func sessions(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.start(session("idle", of: "u"), replacing: nil)
        try await store.start(session("a", of: "u", seen: 110), replacing: nil)
        try await store.start(session("b", of: "u", seen: 140), replacing: nil)
        try await store.start(session("c", of: "v", seen: 120), replacing: nil)
        func list(_ user: String?) async throws -> [SecretDigest] {
            try await store.sessions(of: user.map { UserID($0) }, lifetime: Self.lifetime, at: at(150)).map(\.id)
        }
        #expect(try await list("u") == [digest("b"), digest("a")])
        #expect(try await list(nil) == [digest("b"), digest("c"), digest("a")])
        #expect(try await store.endSessions(of: UserID("u"), except: digest("a")) == 2)
        #expect(try await list(nil) == [digest("c"), digest("a")])
        #expect(try await store.endSessions(of: nil, except: nil) == 2)
        #expect(try await list(nil).isEmpty)
    }

    @Test("live grants are listed by user and client, newest first", arguments: Backend.allCases)
    func grants(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for (id, user, client) in [("1", "u", "c"), ("2", "u", "d"), ("3", "v", "c"), ("4", "v", "d")] {
            try await store.openGrant(makeGrant(id, user: user, client: client), refresh: "refresh \(id)")
        }
        try await store.openGrant(makeGrant("over", user: "u", client: "c", expires: 5), refresh: "refresh over")
        _ = try await store.revoke(GrantID("4"), reason: .userRequest, at: at(6))
        func list(_ user: String?, _ client: String?, limit: Int = 10) async throws -> [String] {
            let found = try await store.grants(
                of: user.map { UserID($0) }, to: client.map { ClientID($0) }, limit: limit, at: at(7))
            return found.map(\.id.value)
        }
        #expect(try await list(nil, nil) == ["3", "2", "1"])
        #expect(try await list(nil, nil, limit: 2) == ["3", "2"])
        #expect(try await list("u", nil) == ["2", "1"])
        #expect(try await list(nil, "c") == ["3", "1"])
        #expect(try await list("u", "c") == ["1"])
        #expect(try await list("w", nil).isEmpty)
    }

    @Test("a profile is set as a whole and ends nothing", arguments: Backend.allCases)
    func profile(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let user = makeUser("alice")
        _ = try await store.add(user, onlyIfFirst: false)
        try await store.openGrant(makeGrant(user: user.id.value))
        let change = UserChange.profile(email: "a@b.test", groups: ["x", "y"], isAdministrator: true)
        #expect(try await store.change(user.id, change, at: at(2)) == .changed(revoked: []))
        let stored = try #require(try await store.user(user.id))
        #expect(stored.email == "a@b.test" && stored.groups == ["x", "y"] && stored.isAdministrator)
        #expect(try await store.grants(of: user.id, at: at(2)).count == 1)
        #expect(try await store.change(UserID("nobody"), change, at: at(2)) == .unknown)
    }

    @Test("every kind of entry is counted, and only what lives as living", arguments: Backend.allCases)
    func census(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let empty = try await store.census(lifetime: Self.lifetime, at: at(0))
        #expect(Set(empty.keys) == Set(StoreEntry.allCases) && empty.values.allSatisfy { $0 == 0 })
        try await fill(store)
        let expected: [StoreEntry: Int] = [
            .users: 2, .disabledUsers: 1, .administrators: 1, .clients: 2, .unusedClients: 1, .liveGrants: 1,
            .revokedGrants: 1, .refreshTokens: 3, .openCodes: 1, .openLogins: 1, .openDevices: 0, .browserSessions: 1,
            .consents: 1, .liveAPIKeys: 0, .signingKeys: 1,
        ]
        let census = try await store.census(lifetime: Self.lifetime, at: at(110))
        for entry in StoreEntry.allCases { #expect(census[entry] == expected[entry], "\(entry.rawValue)") }
    }

    @Test("leftovers are what a sweep then removes, and counting them removes nothing", arguments: Backend.allCases)
    func leftovers(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await fill(store)
        let end = at(100_000)
        let before = try await store.census(lifetime: Self.lifetime, at: end)
        func count() async throws -> StoreLeftovers {
            try await store.leftovers(revocationsBefore: end, neverUsedBefore: end, idleBefore: at(0), at: end)
        }
        let counted = try await count()
        #expect(try await store.census(lifetime: Self.lifetime, at: end) == before)
        #expect(counted.rows > 0 && counted.clients == 1)
        #expect(try await store.sweep(at: end, revocationsBefore: end) == counted.rows)
        #expect(try await store.removeClients(neverUsedBefore: end, idleBefore: at(0)) == counted.clients)
        #expect(try await count() == StoreLeftovers(rows: 0, clients: 0))
    }

    /// One of most things, some of them over at 110 seconds.
    private func fill(_ store: any AuthorizationStore) async throws {
        var administrator = makeUser("alice")
        administrator.isAdministrator = true
        _ = try await store.add(administrator, onlyIfFirst: false)
        _ = try await store.add(makeUser("bob"), onlyIfFirst: false)
        _ = try await store.change(makeUser("bob").id, .disable, at: at(0))
        for id in ["used", "unused"] {
            _ = try await store.register(makeClient(id), capacity: 9, evictableBefore: at(0))
        }
        try await store.markUsed(ClientID("used"), at: at(1))
        try await store.openGrant(makeGrant("live"), refresh: "r0")
        try await store.openGrant(makeGrant("dead"), refresh: "s0")
        _ = try await store.rotate(
            digest("r0"), of: ClientID("client-1"), successor: digest("r1"), policy: RotationPolicy(), at: at(2))
        _ = try await store.revoke(GrantID("dead"), reason: .userRequest, at: at(2))
        try await store.issue(makeCode("open", grant: makeGrant("never"), lifetime: 600))
        try await store.issue(makeCode("late", grant: makeGrant("never"), lifetime: 60))
        try await store.begin(makeTransaction("t"), capacity: 9)
        try await store.start(session("live", seen: 50), replacing: nil)
        try await store.start(session("idle"), replacing: nil)
        try await store.remember(
            ConsentRecord(id: digest("consent"), user: UserID("u"), client: ClientID("c"), givenAt: at(0)))
        _ = try await store.establish([makeKey("k")])
    }
}
