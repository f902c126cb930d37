import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// What ends, and how soon everybody knows.
@Suite struct RevocationTests {
    @Test("T08: revoking either token ends the whole grant at once", arguments: [true, false])
    func revoke(byRefreshToken: Bool) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        let token = byRefreshToken ? tokens.refresh : tokens.access
        let answer = await fixture.send(.post, "/revoke", form: [("token", token), ("client_id", client.id)])
        #expect(answer.status == 200)
        #expect(await !fixture.accepts(tokens.access))
        #expect(await fixture.refresh(tokens.refresh, client).status == 400)
    }

    @Test("F17, R04: a clock that was set back does not make old knowledge look fresh")
    func clockSetBack() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        #expect(await fixture.accepts(tokens.access))
        fixture.clock.advance(by: .seconds(-60))
        #expect(await !fixture.accepts(tokens.access), "nobody knows how old the last reading is")
        try await fixture.service.prepare()
        #expect(await fixture.accepts(tokens.access))
    }

    @Test("T10: revoking an unknown token is 200, another client's is an error and it stays active")
    func foreignToken() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let other = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        let unknown = await fixture.send(.post, "/revoke", form: [("token", "x"), ("client_id", client.id)])
        #expect(unknown.status == 200)
        for token in [tokens.refresh, tokens.access] {
            let answer = await fixture.send(.post, "/revoke", form: [("token", token), ("client_id", other.id)])
            #expect(answer.status == 400)
        }
        #expect(await fixture.accepts(tokens.access))
        #expect(await fixture.refresh(tokens.refresh, client).status == 200)
    }

    @Test("T08: disabling or removing a user ends tokens, codes and sessions", arguments: [true, false])
    func userDisabled(removed: Bool) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(client, user: user)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let code = try await fixture.code(browser, client)
        if removed { try await fixture.users.remove("alice") } else { try await fixture.users.disable("alice") }
        // As another process: known by the feed only.
        try await fixture.service.prepare()
        #expect(await !fixture.accepts(tokens.access))
        #expect(await fixture.refresh(tokens.refresh, client).status == 400)
        #expect(await fixture.redeem(code, client).status == 400)
        #expect(await !browser.get("/account").text.contains("alice"))
        if !removed {
            try await fixture.users.enable("alice")
            try await fixture.service.prepare()
            #expect(await !fixture.accepts(tokens.access), "what was revoked stays revoked")
        }
    }

    @Test("T08, R04: when the feed has not been read for more than a second, nothing is accepted")
    func stale() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        #expect(await fixture.accepts(tokens.access))
        fixture.clock.advance(by: .milliseconds(1600))
        #expect(await !fixture.accepts(tokens.access))
        try await fixture.service.prepare()
        #expect(await fixture.accepts(tokens.access))
    }

    @Test("T08: an index hears of another process's revocation by the feed")
    func otherProcess() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(client, user: user)
        let grant = try #require(try await fixture.store.grants(of: user.id, at: fixture.clock.now).first)
        _ = try await fixture.store.revoke(grant.id, reason: .userRequest, at: fixture.clock.now)
        #expect(await fixture.accepts(tokens.access), "not read yet")
        try await fixture.service.prepare()
        #expect(await !fixture.accepts(tokens.access))
    }

    @Test("T08: a rotated key verifies until it is retired", .timeLimit(.minutes(1)))
    func keyRotation() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let before = try await fixture.tokens(client, user: user)
        let old = try #require(try await fixture.store.signingKeys().first { $0.algorithm == "ES256" })
        let service = fixture.service
        _ = try await service.keys.rotate(.es256, publishAhead: .milliseconds(1000))
        try await service.prepare()
        let between = try await fixture.tokens(client, user: user)
        fixture.clock.advance(by: .milliseconds(1100))
        let after = try await fixture.tokens(client, user: user)
        for token in [before.access, between.access, after.access] { #expect(await fixture.accepts(token)) }
        try await service.prepare()
        _ = try await service.keys.retire(old.id)
        try await service.prepare()
        #expect(await !fixture.accepts(before.access))
        #expect(await !fixture.accepts(between.access), "the new key did not sign before its time")
        #expect(await fixture.accepts(after.access))
    }

    @Test("T08: a revoked token of a longer lifetime is not forgotten when the configuration makes lifetimes shorter")
    func shorterLifetime() async throws {
        let before = try await Fixture { $0.accessTokenLifetime = .seconds(86_400) }
        let client = try await before.registerClient()
        let user = try await before.addUser()
        let tokens = try await before.tokens(client, user: user)
        let grant = try #require(try await before.store.grants(of: user.id, at: before.clock.now).first)
        _ = try await before.store.revoke(grant.id, reason: .userRequest, at: before.clock.now)
        before.clock.advance(by: .seconds(3 * 3600))
        let after = try await Fixture(sharing: before) { $0.accessTokenLifetime = .seconds(300) }
        _ = try await StoreMaintenance(store: after.store, configuration: AuthorizationServerConfiguration())
            .purge(at: after.clock.now)
        let restarted = try await Fixture(sharing: before) { $0.accessTokenLifetime = .seconds(300) }
        for process in [after, restarted] { #expect(await !process.accepts(tokens.access)) }
    }
}
