import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with registrations that are managed.
@Suite("Store conformance: registrations", .timeLimit(.minutes(2)))
struct RegistrationConformance {
    private func registered(
        _ store: any AuthorizationStore, _ id: String = "c", token: String = "t0", isManaged: Bool = false
    ) async throws -> ClientRecord {
        var client = makeClient(id)
        client.secretDigest = digest("secret")
        client.registrationDigest = digest(token)
        client.isManaged = isManaged
        client.isFirstParty = isManaged
        client.resources = isManaged ? ["/a/mcp", "/b/mcp"] : nil
        #expect(try await store.register(client, capacity: 100, evictableBefore: at(0)) == .registered)
        return client
    }

    @Test("every field of a client comes back", arguments: Backend.allCases)
    func fields(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let client = try await registered(fixture.store, isManaged: true)
        #expect(try await fixture.store.client(client.id) == client)
        let plain = try await registered(fixture.store, "d")
        #expect(try await fixture.store.client(plain.id) == plain)
        #expect(try await fixture.store.clients(after: nil, limit: 10).map(\.id.value) == ["c", "d"])
        #expect(try await fixture.store.clients(after: client.id, limit: 10) == [plain])
        #expect(try await fixture.store.clients(after: nil, limit: 1) == [client])
        #expect(try await fixture.store.clients(after: plain.id, limit: 1).isEmpty)
    }

    @Test("A14: a registration token is its client's alone", arguments: Backend.allCases)
    func foreignToken(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let (one, two) = (
            try await registered(store, "one", token: "1"), try await registered(store, "two", token: "2")
        )
        #expect(try await store.client(one.id, presenting: digest("1")) == one)
        #expect(try await store.client(one.id, presenting: digest("2")) == nil)
        #expect(try await store.client(ClientID("none"), presenting: digest("1")) == nil)
        let replaced = try await store.replace(
            one.id, metadata: [1], secretDigest: nil, presenting: digest("2"), successor: digest("3"))
        #expect(!replaced)
        #expect(try await store.removeClient(one.id, presenting: digest("2"), at: at(1)) == nil)
        #expect(try await store.client(one.id) == one)
        #expect(try await store.client(two.id) == two)
        // A client without a token is nobody's to manage.
        var bare = makeClient("bare")
        bare.registrationDigest = nil
        _ = try await store.register(bare, capacity: 100, evictableBefore: at(0))
        #expect(try await store.client(bare.id, presenting: digest("")) == nil)
    }

    @Test(
        "RFC 7592 §5: a registration token rotates, and the old one ends when the new one is seen",
        arguments: Backend.allCases)
    func rotation(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let client = try await registered(store)
        func replace(_ token: String, _ successor: String) async throws -> Bool {
            try await store.replace(
                client.id, metadata: Array(successor.utf8), secretDigest: nil, presenting: digest(token),
                successor: digest(successor))
        }
        #expect(try await replace("t0", "t1"))
        #expect(try await store.client(client.id)?.metadata == Array("t1".utf8))
        #expect(try await store.client(client.id)?.secretDigest == nil)
        #expect(try await store.client(client.id, presenting: digest("t0")) != nil, "the answer may have been lost")
        #expect(try await replace("t0", "t2"))
        #expect(try await store.client(client.id, presenting: digest("t1")) == nil, "replaced unseen")
        #expect(try await store.client(client.id, presenting: digest("t2")) != nil)
        #expect(try await store.client(client.id, presenting: digest("t0")) == nil, "over since t2 was seen")
        #expect(try await !replace("t0", "t3"))
        #expect(try await replace("t2", "t3"))
    }

    @Test("A14: a removed client takes its grants, codes and consents with it", arguments: Backend.allCases)
    func removal(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let (client, other) = (try await registered(store), try await registered(store, "other"))
        for (id, owner) in [("g1", "c"), ("g2", "c"), ("g3", "other")] {
            try await store.openGrant(makeGrant(id, client: owner), refresh: "r-\(id)")
        }
        try await store.issue(makeCode("pending", grant: makeGrant("g4", client: "c")))
        for owner in [client.id, other.id] {
            try await store.remember(
                ConsentRecord(id: digest("consent \(owner)"), user: UserID("u"), client: owner, givenAt: at(1)))
        }
        let ended = try #require(try await store.removeClient(client.id, presenting: digest("t0"), at: at(2)))
        #expect(Set(ended) == [GrantID("g1"), GrantID("g2")])
        #expect(try await store.client(client.id) == nil)
        #expect(try await store.grant(GrantID("g1"))?.revokedAt == at(2))
        #expect(try await store.grant(GrantID("g3"))?.revokedAt == nil)
        let late = try await store.redeem(digest("pending"), refreshToken: digest("x"), failureLimit: 5, at: at(3))
        #expect(late == .burnt)
        #expect(try await store.revocations(after: 0, limit: 10).map(\.grant) == ended)
        #expect(try await !store.isRemembered(digest("consent c"), notBefore: at(0)))
        #expect(try await store.isRemembered(digest("consent other"), notBefore: at(0)))
        #expect(try await store.removeClient(client.id, presenting: nil, at: at(3)) == nil)
        #expect(try await store.removeClient(other.id, presenting: nil, at: at(3)) == [GrantID("g3")])
    }

    @Test("managed clients give way to nobody and are never swept", arguments: Backend.allCases)
    func managed(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let client = try await registered(store, isManaged: true)
        #expect(
            try await store.register(makeClient("x", registered: 5), capacity: 1, evictableBefore: at(100)) == .full)
        #expect(try await store.removeClients(neverUsedBefore: at(1000), idleBefore: at(1000)) == 0)
        try await store.markUsed(client.id, at: at(1))
        #expect(try await store.removeClients(neverUsedBefore: at(1000), idleBefore: at(1000)) == 0)
        #expect(try await store.client(client.id) != nil)
    }
}
