import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with clients, transactions, accounts, browsers and keys.
@Suite("Store conformance: clients, accounts, browsers, keys", .timeLimit(.minutes(2)))
struct AccountConformance {
    @Test("A14: at capacity an unused client gives way, a used one never", arguments: Backend.allCases)
    func clientCapacity(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for index in 0..<3 {
            let outcome = try await store.register(
                makeClient("c\(index)", registered: Int64(index)), capacity: 3, evictableBefore: at(100))
            #expect(outcome == .registered)
        }
        try await store.markUsed(ClientID("c0"), at: at(10))
        #expect(try await store.client(ClientID("c0"))?.lastUsedAt == at(10))
        #expect(
            try await store.register(makeClient("c3", registered: 5), capacity: 3, evictableBefore: at(100))
                == .registered)
        #expect(try await store.client(ClientID("c1")) == nil)
        #expect(try await store.register(makeClient("c4"), capacity: 3, evictableBefore: at(1)) == .full)
        #expect(try await store.removeClients(neverUsedBefore: at(3), idleBefore: at(0)) == 1)
        #expect(try await store.client(ClientID("c3")) != nil)
    }

    @Test("idle clients go unless a grant of theirs lives", arguments: Backend.allCases)
    func idleClients(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for id in ["busy", "idle"] {
            _ = try await store.register(makeClient(id), capacity: 10, evictableBefore: at(0))
            try await store.markUsed(ClientID(id), at: at(1))
        }
        try await store.openGrant(makeGrant(client: "busy"))
        #expect(try await store.removeClients(neverUsedBefore: at(0), idleBefore: at(100)) == 1)
        #expect(try await store.client(ClientID("busy")) != nil)
        #expect(try await store.client(ClientID("idle")) == nil)
    }

    @Test("I01: of 100 racing posts one advances a transaction, and only in its browser", arguments: Backend.allCases)
    func advanceRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        try await store.begin(makeTransaction("t"), capacity: 10)
        let foreign = try await store.advance(
            digest("t"), browser: digest("other"), from: .login, to: .consent, user: nil, at: at(1))
        #expect(foreign == .wrongBrowser)
        let outcomes = try await race(100) { _ in
            try await store.advance(
                digest("t"), browser: digest("browser"), from: .login, to: .consent, user: UserID("u"), at: at(1))
        }
        #expect(outcomes.filter { if case .advanced = $0 { true } else { false } }.count == 1)
        #expect(outcomes.filter { $0 == .wrongStage(.consent) }.count == 99)
        #expect(try await store.transaction(digest("t"))?.user == UserID("u"))
        let expired = try await store.advance(
            digest("t"), browser: digest("browser"), from: .consent, to: .finished, user: nil, at: at(600))
        #expect(expired == .expired)
    }

    @Test("beyond capacity the oldest transactions give way", arguments: Backend.allCases)
    func transactionCapacity(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for index in 0..<5 { try await store.begin(makeTransaction("t\(index)", began: Int64(index)), capacity: 3) }
        #expect(try await store.transaction(digest("t1")) == nil)
        #expect(try await store.transaction(digest("t2")) != nil)
        #expect(try await store.transaction(digest("t4")) != nil)
    }

    @Test("of 100 racing first accounts one is added", arguments: Backend.allCases)
    func firstUser(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let outcomes = try await race(100) { try await store.add(makeUser("u\($0)"), onlyIfFirst: true) }
        #expect(outcomes.filter { $0 == .added }.count == 1)
        #expect(outcomes.filter { $0 == .notFirst }.count == 99)
        let name = try #require(try await store.users().first?.name)
        #expect(try await store.add(makeUser(name, id: "other"), onlyIfFirst: false) == .nameTaken)
    }

    @Test("an account's changes have all their consequences", arguments: Backend.allCases)
    func userChanges(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let user = makeUser("ada")
        #expect(try await store.add(user, onlyIfFirst: false) == .added)
        #expect(try await store.user(user.id) == user)
        let session = BrowserSession(id: digest("s"), user: user.id, startedAt: start, lastSeenAt: start)
        try await store.start(session, replacing: nil)
        #expect(try await store.change(user.id, .password(hash: "$scrypt$"), at: at(1)) == .changed(revoked: []))
        #expect(try await store.touch(digest("s"), lifetime: SessionLifetime(), at: at(2)) == nil)
        #expect(try await store.user(named: "ada")?.passwordChangedAt == at(1))
        try await store.openGrant(makeGrant(user: user.id.value))
        try await store.issue(OneTimeLink(id: digest("l"), user: user.id, issuedAt: start, expiresAt: at(100)))
        #expect(
            try await store.change(user.id, .disable, at: at(3)) == .changed(revoked: [GrantID("grant-1")]))
        #expect(try await store.user(user.id)?.isDisabled == true)
        #expect(try await store.link(digest("l")) == nil)
        #expect(try await store.change(user.id, .enable, at: at(4)) == .changed(revoked: []))
        #expect(try await store.grant(GrantID("grant-1"))?.revokedAt == at(3))
        #expect(try await store.change(user.id, .remove, at: at(5)) == .changed(revoked: []))
        #expect(try await store.user(named: "ada") == nil)
        #expect(try await store.change(user.id, .enable, at: at(6)) == .unknown)
    }

    @Test("of 100 racing uses of a setup link one sets the password", arguments: Backend.allCases)
    func linkRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let user = makeUser("ada")
        _ = try await store.add(user, onlyIfFirst: true)
        try await store.issue(OneTimeLink(id: digest("old"), user: user.id, issuedAt: start, expiresAt: at(100)))
        try await store.issue(OneTimeLink(id: digest("new"), user: user.id, issuedAt: start, expiresAt: at(100)))
        #expect(try await store.firstUse(of: digest("old"), settingPassword: "x", at: at(1)) == .unknown)
        let outcomes = try await race(100) {
            try await store.firstUse(of: digest("new"), settingPassword: "hash-\($0)", at: at(1))
        }
        #expect(outcomes.filter { $0 == .first(user.id) }.count == 1)
        #expect(outcomes.filter { $0 == .used }.count == 99)
        #expect(try await store.user(user.id)?.passwordHash?.hasPrefix("hash-") == true)
        try await store.issue(OneTimeLink(id: digest("late"), user: user.id, issuedAt: start, expiresAt: at(50)))
        #expect(try await store.firstUse(of: digest("late"), settingPassword: "x", at: at(50)) == .expired)
    }

    @Test("U05: a browser session ends by idling and absolutely, and its id changes", arguments: Backend.allCases)
    func sessions(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let lifetime = SessionLifetime(idleMilliseconds: 100_000, absoluteMilliseconds: 250_000)
        func session(_ name: String) -> BrowserSession {
            BrowserSession(id: digest(name), user: UserID("u"), startedAt: start, lastSeenAt: start)
        }
        try await store.start(session("a"), replacing: nil)
        try await store.start(session("b"), replacing: digest("a"))
        #expect(try await store.touch(digest("a"), lifetime: lifetime, at: at(1)) == nil)
        #expect(try await store.touch(digest("b"), lifetime: lifetime, at: at(90)) != nil)
        #expect(try await store.touch(digest("b"), lifetime: lifetime, at: at(180)) != nil)
        #expect(try await store.touch(digest("b"), lifetime: lifetime, at: at(250)) == nil)
        try await store.start(session("c"), replacing: nil)
        #expect(try await store.touch(digest("c"), lifetime: lifetime, at: at(100)) == nil)
        #expect(try await store.touch(digest("c"), lifetime: lifetime, at: at(1)) == nil)
    }

    @Test("U04: a consent is remembered until it is too old or forgotten", arguments: Backend.allCases)
    func consents(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let consent = ConsentRecord(
            id: digest("k"), user: UserID("u"), client: ClientID("c"), givenAt: at(10))
        try await store.remember(consent)
        #expect(try await store.isRemembered(digest("k"), notBefore: at(9)))
        #expect(try await !store.isRemembered(digest("k"), notBefore: at(10)))
        #expect(try await !store.isRemembered(digest("other"), notBefore: at(0)))
        try await store.forgetConsents(of: UserID("u"), to: ClientID("d"))
        #expect(try await store.isRemembered(digest("k"), notBefore: at(9)))
        try await store.forgetConsents(of: UserID("u"), to: ClientID("c"))
        #expect(try await !store.isRemembered(digest("k"), notBefore: at(0)))
    }

    @Test("failed logins are counted, bounded and forgotten", arguments: Backend.allCases)
    func loginFailures(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        #expect(try await store.loginFailures(digest("a")) == LoginFailures())
        for count in 1...3 {
            let noted = try await store.noteLoginFailure(digest("a"), capacity: 2, at: at(Int64(count)))
            #expect(noted == LoginFailures(count: count, lastAt: at(Int64(count))))
        }
        _ = try await store.noteLoginFailure(digest("b"), capacity: 2, at: at(4))
        _ = try await store.noteLoginFailure(digest("c"), capacity: 2, at: at(5))
        #expect(try await store.loginFailures(digest("a")) == LoginFailures())
        #expect(try await store.loginFailures(digest("b")).count == 1)
        try await store.clearLoginFailures(digest("b"))
        #expect(try await store.loginFailures(digest("b")) == LoginFailures())
    }

    @Test("100 racing first starts agree on one set of keys", arguments: Backend.allCases)
    func keys(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        let sets = try await race(100) { try await store.establish([makeKey("k\($0)")]) }
        #expect(Set(sets.map { $0.map(\.id) }).count == 1)
        let first = try #require(sets.first?.first)
        #expect(try await store.add(makeKey("next", created: 10), unlessCreatedAfter: nil))
        #expect(try await store.signingKeys().map(\.id) == [first.id, "next"])
        #expect(try await store.retire(first.id, at: at(20)) == .retired)
        #expect(try await store.signingKeys().map(\.id) == ["next"])
        #expect(try await store.establish([makeKey("again")]).map(\.id) == ["next"])
    }

    @Test("T08: of 100 processes that rotate at once one does, for each algorithm", arguments: Backend.allCases)
    func keyRotation(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.establish([makeKey("old")])
        let added = try await race(100) {
            try await store.add(makeKey("new\($0)", created: 100), unlessCreatedAfter: at(50))
        }
        #expect(added.count { $0 } == 1)
        #expect(try await store.signingKeys().count == 2)
        var other = makeKey("other", created: 100)
        other.algorithm = "EdDSA"
        #expect(try await store.add(other, unlessCreatedAfter: at(50)), "another algorithm has a schedule of its own")
        let rotated = try #require(try await store.signingKeys().first { $0.id.hasPrefix("new") })
        #expect(try await store.retire(rotated.id, at: at(110)) == .retired)
        #expect(
            try await store.add(makeKey("later", created: 100), unlessCreatedAfter: at(50)), "a retired key is none")
        #expect(try await store.signingKeys().map(\.id) == ["old", "other", "later"])
    }
}

/// Names that some layer might take for one another or for something else (S01).
@Suite("S01: stored fields", .timeLimit(.minutes(1)))
struct InjectionConformance {
    static let hostile = [
        "'; DROP TABLE user; --", "a\r\nFLUSHALL\r\n", "a:b", "a", "A", "a ", "", "nul\0byte", "nul", "%", "_", "\"",
        "caf\u{e9}", "cafe\u{301}", "\u{202e}evil", String(repeating: "x", count: 100_000),
    ]

    @Test("S01: twins in user names stay two", arguments: Backend.allCases)
    func userNames(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for (index, name) in Self.hostile.enumerated() {
            #expect(try await store.add(makeUser(name, id: "id-\(index)"), onlyIfFirst: false) == .added)
        }
        for (index, name) in Self.hostile.enumerated() {
            let found = try #require(try await store.user(named: name))
            #expect(found.id == UserID("id-\(index)"))
            #expect(Array(found.name.utf8) == Array(name.utf8))
        }
        #expect(try await store.users().count == Self.hostile.count)
    }

    @Test("S01: twins in identifiers stay two, and every field comes back byte for byte", arguments: Backend.allCases)
    func identifiers(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for (index, text) in Self.hostile.enumerated() {
            var client = makeClient(text)
            client.metadata = Array(text.utf8)
            let outcome = try await store.register(client, capacity: 100, evictableBefore: at(0))
            #expect(outcome == .registered)
            var grant = makeGrant(text, user: text, client: text)
            grant.resources = [text, "x", text]
            grant.scope = Scope(tokens: ["one", "two"])
            grant.issuer = text
            var code = makeCode("code-\(index)", grant: grant)
            code.redirectURI = text
            code.codeChallenge = text
            try await store.issue(code)
            #expect(try await store.code(digest("code-\(index)")) == code)
            _ = try await store.redeem(
                digest("code-\(index)"), refreshToken: digest("refresh-\(index)"), failureLimit: 5, at: at(1))
        }
        for (index, text) in Self.hostile.enumerated() {
            let found = try #require(try await store.refreshToken(digest("refresh-\(index)")))
            #expect(found.grant.id == GrantID(text))
            #expect(found.grant.resources.map { Array($0.utf8) } == [text, "x", text].map { Array($0.utf8) })
            #expect(try await store.client(ClientID(text))?.metadata == Array(text.utf8))
            #expect(try await store.grants(of: UserID(text), at: at(2)).count == 1)
        }
        _ = try await store.revoke(GrantID("caf\u{e9}"), reason: .clientRequest, at: at(3))
        #expect(try await store.grant(GrantID("cafe\u{301}"))?.revokedAt == nil)
    }

    @Test("S01: lists of texts cannot be confused")
    func lengthCoded() {
        let lists = [[], [""], ["", ""], ["1:a"], ["1:", "a"], ["a", "b"], ["ab"], ["é", "e\u{301}"]]
        for list in lists {
            #expect(LengthCoded.decode(LengthCoded.encode(list))?.map { Array($0.utf8) } == list.map { Array($0.utf8) })
        }
        #expect(Set(lists.map { LengthCoded.encode($0) }).count == lists.count)
        for broken in ["5:abc", "a", ":", "1", "99999999999:a", "-1:a", "1:\u{e9}"] {
            #expect(LengthCoded.decode(Array(broken.utf8)) == nil)
        }
    }
}
