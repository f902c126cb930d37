import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Rotation of refresh tokens.
@Suite struct RefreshTests {
    @Test("A11: parallel refreshes within the grace stay in one family; the eleventh ends it")
    func parallelRefresh() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let first = try await fixture.tokens(client, user: try await fixture.addUser())
        var latest = first
        for _ in 0..<10 {
            let answer = await fixture.refresh(first.refresh, client)
            #expect(answer.status == 200)
            latest.access = try #require(try answer.member("access_token"))
            latest.refresh = try #require(try answer.member("refresh_token"))
            #expect(await fixture.accepts(latest.access))
        }
        #expect(try await fixture.refresh(first.refresh, client).member("error") == "invalid_grant")
        #expect(await !fixture.accepts(latest.access), "the family is dead at once")
        #expect(try await fixture.refresh(latest.refresh, client).member("error") == "invalid_grant")
        #expect(fixture.audit.actions.contains(.refreshTokenReused))
    }

    @Test("A11: 50 at once: 10 succeed")
    func race() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        let successes = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<50 { group.addTask { await fixture.refresh(tokens.refresh, client).status } }
            var count = 0
            for await status in group where status == 200 { count += 1 }
            return count
        }
        #expect(successes == 10)
        #expect(await !fixture.accepts(tokens.access))
    }

    @Test("A11: after the grace a replay ends the family")
    func afterGrace() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let first = try await fixture.tokens(client, user: try await fixture.addUser())
        let second = await fixture.refresh(first.refresh, client)
        let access = try #require(try second.member("access_token"))
        fixture.clock.advance(by: .seconds(121))
        try await fixture.service.prepare()
        #expect(await fixture.accepts(access))
        #expect(try await fixture.refresh(first.refresh, client).member("error") == "invalid_grant")
        #expect(await !fixture.accepts(access))
        let refresh = try #require(try second.member("refresh_token"))
        #expect(try await fixture.refresh(refresh, client).member("error") == "invalid_grant")
    }

    @Test("A11: strict mode takes every second presentation for reuse")
    func strict() async throws {
        let fixture = try await Fixture { $0.rotation.graceMilliseconds = 0 }
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        #expect(await fixture.refresh(tokens.refresh, client).status == 200)
        #expect(await fixture.refresh(tokens.refresh, client).status == 400)
        #expect(await !fixture.accepts(tokens.access))
    }

    @Test("A11: refreshing does not extend the absolute lifetime")
    func absoluteLifetime() async throws {
        let fixture = try await Fixture { $0.refreshTokenLifetime = .seconds(3600) }
        let client = try await fixture.registerClient()
        var refresh = try await fixture.tokens(client, user: try await fixture.addUser()).refresh
        for _ in 0..<5 {
            fixture.clock.advance(by: .seconds(700))
            let answer = await fixture.refresh(refresh, client)
            #expect(answer.status == 200)
            refresh = try #require(try answer.member("refresh_token"))
        }
        let last = await fixture.refresh(refresh, client)
        #expect(try last.json()["expires_in"]?.integer == 100, "an access token does not outlive its grant")
        fixture.clock.advance(by: .seconds(101))
        let late = await fixture.refresh(try #require(try last.member("refresh_token")), client)
        #expect(try late.member("error") == "invalid_grant")
    }

    @Test("A12: once /revoke has answered, no refresh in flight revives the family")
    func revokeRacesRefresh() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        for _ in 0..<20 {
            let tokens = try await fixture.tokens(client, user: user)
            let seen = await withTaskGroup(of: (String, String)?.self) { group in
                for _ in 0..<9 {
                    group.addTask {
                        let answer = await fixture.refresh(tokens.refresh, client)
                        guard let access = try? answer.member("access_token"),
                            let refresh = try? answer.member("refresh_token")
                        else { return nil }
                        return (access, refresh)
                    }
                }
                group.addTask {
                    _ = await fixture.send(
                        .post, "/revoke", form: [("token", tokens.refresh), ("client_id", client.id)])
                    return nil
                }
                var seen = [(tokens.access, tokens.refresh)]
                for await pair in group { if let pair { seen.append(pair) } }
                return seen
            }
            for (access, refresh) in seen {
                #expect(await !fixture.accepts(access))
                #expect(await fixture.refresh(refresh, client).status == 400)
            }
        }
    }
}
