import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with identities of other issuers.
@Suite("Store conformance: identities", .timeLimit(.minutes(2)))
struct IdentityConformance {
    private static func identity(_ subject: String, user: String = "u", asked: Int64 = 0) -> IdentityRecord {
        IdentityRecord(
            id: digest(subject), provider: "corp", user: UserID(user), attributes: Array("{}".utf8),
            sealedCredential: [1, 2, 3], confirmedAt: at(asked), askedAt: at(asked))
    }

    @Test("I05: of 50 racing first logins of one identity one makes the account", arguments: Backend.allCases)
    func firstLoginRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let outcomes = try await race(50) { index in
            try await store.signIn(Self.identity("alice"), proposing: makeUser("corp:alice", id: "u\(index)"))
        }
        let accounts = Set(
            outcomes.compactMap { outcome in
                if case .account(let user) = outcome { user.id } else { nil }
            })
        #expect(accounts.count == 1)
        #expect(outcomes.allSatisfy { if case .account = $0 { true } else { false } })
        #expect(try await store.users().count == 1)
        #expect(try await store.identities().count == 1)
    }

    @Test("I05: another subject with the same name is another account", arguments: Backend.allCases)
    func otherSubject(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.signIn(Self.identity("one"), proposing: makeUser("corp:alice", id: "u1"))
        #expect(
            try await store.signIn(Self.identity("two"), proposing: makeUser("corp:alice", id: "u2")) == .nameTaken)
        guard
            case .account(let second) = try await store.signIn(
                Self.identity("two"), proposing: makeUser("corp:alice-2", id: "u2"))
        else { return #expect(Bool(false), "no account") }
        #expect(second.id == UserID("u2"))
        #expect(try await store.identity(of: UserID("u2"))?.id == digest("two"))
        #expect(try await store.identity(of: UserID("nobody")) == nil)
        #expect(try await store.identity(digest("two"))?.user == UserID("u2"))
        #expect(try await store.identity(digest("two")) == store.identity(of: UserID("u2")))
        #expect(try await store.identity(digest("three")) == nil)
    }

    @Test("a later login renews what the provider said and nothing else", arguments: Backend.allCases)
    func laterLogin(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.signIn(Self.identity("alice"), proposing: makeUser("corp:alice", id: "u1"))
        _ = try await store.change(UserID("u1"), .disable, at: at(1))
        var proposed = makeUser("corp:renamed", id: "u9")
        proposed.displayName = "Alice"
        proposed.email = "alice@corp.test"
        proposed.groups = ["ops"]
        proposed.isAdministrator = true
        var later = Self.identity("alice", asked: 5)
        later.sealedCredential = nil
        guard case .account(let account) = try await store.signIn(later, proposing: proposed)
        else { return #expect(Bool(false), "no account") }
        #expect(account.id == UserID("u1") && account.name == "corp:alice")
        #expect(account.displayName == "Alice" && account.email == "alice@corp.test" && account.groups == ["ops"])
        #expect(account.isDisabled && !account.isAdministrator)
        #expect(try await store.user(UserID("u1")) == account)
        #expect(try await store.identity(of: UserID("u1"))?.confirmedAt == at(5))
        #expect(try await store.identity(of: UserID("u1"))?.sealedCredential == [1, 2, 3])
    }

    @Test("I08: of 50 racing refreshes one has the turn to ask the provider", arguments: Backend.allCases)
    func turn(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.signIn(Self.identity("alice"), proposing: makeUser("corp:alice", id: "u1"))
        let early = try await store.takeTurn(toAskAbout: UserID("u1"), ifAskedBefore: at(0), at: at(30))
        #expect(early == nil)
        let turns = try await race(50) { _ in
            try await store.takeTurn(toAskAbout: UserID("u1"), ifAskedBefore: at(40), at: at(100))
        }
        #expect(turns.compactMap { $0 }.count == 1)
        #expect(turns.compactMap { $0 }.first?.askedAt == at(100))
        #expect(try await store.takeTurn(toAskAbout: UserID("u2"), ifAskedBefore: at(40), at: at(100)) == nil)
    }

    @Test("I08: a disowned user loses every grant and the credential, and may come back", arguments: Backend.allCases)
    func disown(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.signIn(Self.identity("alice"), proposing: makeUser("corp:alice", id: "u1"))
        try await store.openGrant(makeGrant(user: "u1"))
        let session = BrowserSession(id: digest("s"), user: UserID("u1"), startedAt: at(0), lastSeenAt: at(0))
        try await store.start(session, replacing: nil)
        #expect(try await store.change(UserID("u1"), .disown, at: at(5)) == .changed(revoked: [GrantID("grant-1")]))
        #expect(try await store.grant(GrantID("grant-1"))?.revokedAt != nil)
        #expect(try await store.touch(digest("s"), lifetime: SessionLifetime(), at: at(6)) == nil)
        #expect(try await store.user(UserID("u1"))?.isDisabled == false)
        #expect(try await store.identity(of: UserID("u1"))?.sealedCredential == nil)
        guard
            case .account(let back) = try await store.signIn(
                Self.identity("alice"), proposing: makeUser("corp:alice", id: "u2"))
        else { return #expect(Bool(false), "no account") }
        #expect(back.id == UserID("u1"))
    }

    @Test("an account that was removed is not made again by asking, only by a login", arguments: Backend.allCases)
    func removal(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.signIn(Self.identity("alice"), proposing: makeUser("corp:alice", id: "u1"))
        _ = try await store.change(UserID("u1"), .remove, at: at(1))
        #expect(try await store.identities().isEmpty)
        let account = makeUser("corp:alice", id: "u1")
        #expect(try await store.confirm(Self.identity("alice", user: "u1"), updating: account) == false)
        #expect(try await store.users().isEmpty)
        _ = try await store.signIn(Self.identity("alice"), proposing: makeUser("corp:alice", id: "u2"))
        #expect(try await store.identity(of: UserID("u2")) != nil)
        #expect(
            try await store.confirm(Self.identity("alice", user: "u2", asked: 9), updating: makeUser("x", id: "u2")))
        #expect(try await store.identity(of: UserID("u2"))?.confirmedAt == at(9))
    }
}
