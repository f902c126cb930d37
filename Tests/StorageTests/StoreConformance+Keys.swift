import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with API keys, and with grants that no code stands for.
@Suite("Store conformance: API keys, opened grants", .timeLimit(.minutes(2)))
struct KeyConformance {
    @Test("an API key is stored, listed, noted as used and revoked for good", arguments: Backend.allCases)
    func apiKey(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        #expect(try await store.add(makeKey("k1"), limit: 2, at: at(0)) == .noSuchUser)
        _ = try await store.add(makeUser("alice", id: "user-1"), onlyIfFirst: false)
        #expect(try await store.add(makeKey("k1"), limit: 2, at: at(0)) == .added)
        #expect(try await store.add(makeKey("k2", created: 1), limit: 2, at: at(1)) == .added)
        #expect(try await store.add(makeKey("k3"), limit: 2, at: at(1)) == .tooMany)
        #expect(try await store.apiKey(digest("secret of k1")) == makeKey("k1"))
        #expect(try await store.apiKey(digest("nothing")) == nil)
        #expect(try await store.apiKeys(of: UserID("user-1")).map(\.id.value) == ["k2", "k1"])
        #expect(try await store.apiKeys(of: UserID("user-2")).isEmpty)
        try await store.markAPIKeyUsed(GrantID("k1"), at: at(9))
        #expect(try await store.apiKeys(of: nil).last?.lastUsedAt == at(9))

        #expect(try await store.revokeAPIKey(GrantID("k1"), of: UserID("user-2"), at: at(10)) == .unknown)
        #expect(try await store.revokeAPIKey(GrantID("k1"), of: UserID("user-1"), at: at(10)) == .revoked)
        #expect(try await store.revokeAPIKey(GrantID("k1"), of: nil, at: at(11)) == .alreadyRevoked)
        #expect(try await store.revokeAPIKey(GrantID("k9"), of: nil, at: at(11)) == .unknown)
        #expect(try await store.apiKey(digest("secret of k1"))?.revokedAt == at(10))
        #expect(try await store.revocations(after: 0, limit: 10).map(\.grant) == [GrantID("k1")])
        #expect(try await store.add(makeKey("k3"), limit: 2, at: at(12)) == .added, "an ended key makes room")
    }

    @Test("T08: API keys end with their user", arguments: Backend.allCases, [UserChange.disable, .remove])
    func keysOfUser(_ backend: Backend, _ change: UserChange) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.add(makeUser("alice", id: "user-1"), onlyIfFirst: false)
        _ = try await store.add(makeUser("bob", id: "user-2"), onlyIfFirst: false)
        #expect(try await store.add(makeKey("k1"), limit: 5, at: at(0)) == .added)
        #expect(try await store.add(makeKey("k2", user: "user-2"), limit: 5, at: at(0)) == .added)
        let outcome = try await store.change(UserID("user-1"), change, at: at(5))
        #expect(outcome == .changed(revoked: [GrantID("k1")]))
        #expect(try await store.apiKey(digest("secret of k1"))?.revokedAt == at(5))
        #expect(try await store.apiKey(digest("secret of k2"))?.revokedAt == nil)
        #expect(try await store.revocations(after: 0, limit: 10).map(\.grant) == [GrantID("k1")])
        #expect(try await store.add(makeKey("k3"), limit: 5, at: at(6)) == .noSuchUser)
    }

    @Test("a grant without a code is opened for an open account or a service account", arguments: Backend.allCases)
    func openedGrant(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let grant = makeGrant("g1")
        #expect(try await store.open(grant, refreshToken: digest("r"), at: at(0)) == .noSuchUser)
        #expect(try await store.grant(grant.id) == nil)
        _ = try await store.add(makeUser("alice", id: "user-1"), onlyIfFirst: false)
        #expect(try await store.open(grant, refreshToken: digest("r"), at: at(0)) == .opened)
        #expect(try await store.refreshToken(digest("r"))?.grant == grant)
        _ = try await store.change(UserID("user-1"), .disable, at: at(1))
        #expect(try await store.open(makeGrant("g2"), refreshToken: nil, at: at(2)) == .noSuchUser)
        let service = UserID(serviceAccount: ClientID("robot"))
        let own = makeGrant("g3", user: service.value, client: "robot")
        #expect(try await store.open(own, refreshToken: nil, at: at(3)) == .opened)
        #expect(try await store.grant(own.id) == own)
        #expect(try await store.revoke(own.id, reason: .clientRequest, at: at(4)) == .revoked)
    }

    @Test("T10: the key of a DPoP-bound grant is kept with it", arguments: Backend.allCases)
    func boundGrant(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        var grant = makeGrant()
        grant.keyThumbprint = "asked for"
        try await store.issue(makeCode("c", grant: grant))
        #expect(try await store.code(digest("c"))?.grant.keyThumbprint == "asked for")
        let outcome = try await store.redeem(
            digest("c"), refreshToken: digest("r"), keyThumbprint: "proven", failureLimit: 5, at: at(1))
        grant.keyThumbprint = "proven"
        #expect(outcome == .redeemed(grant))
        #expect(try await store.refreshToken(digest("r"))?.grant == grant)
        #expect(try await store.grants(of: grant.user, at: at(2)) == [grant])
    }

    private func makeKey(_ id: String, user: String = "user-1", created: Int64 = 0) -> APIKeyRecord {
        APIKeyRecord(
            id: GrantID(id), digest: digest("secret of \(id)"), hint: "sp_key_ab", name: "laptop", user: UserID(user),
            scope: Scope(tokens: ["a:read"]), resources: ["/demo/mcp"], createdAt: at(created), expiresAt: at(86_400))
    }
}
