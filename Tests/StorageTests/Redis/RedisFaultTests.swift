import AuthorizationServer
import Foundation
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// What becomes of a call when Redis is down, slow, silent or full.
@Suite("Redis faults", .timeLimit(.minutes(2)))
struct RedisFaultTests {
    @Test("F09: while Redis is down every call fails within 100 ms, and soon after its return they work")
    func down() async throws {
        let server = try RedisServer(configuration: ["appendonly yes", "appendfsync always"])
        try server.start()
        let fixture = try RedisFixture(server.url)
        try await fixture.store.issue(makeCode("c"))
        try await server.stop()
        var times: [Duration] = []
        for index in 0..<50 {
            let began = ContinuousClock.now
            let failure = await #expect(throws: StoreError.self) {
                try await fixture.store.issue(makeCode("c\(index)"))
            }
            #expect(failure?.code == .unavailable)
            times.append(ContinuousClock.now - began)
        }
        // The end-to-end test looks at each answer.
        #expect(times.sorted()[25] < .milliseconds(100))
        #expect(times.allSatisfy { $0 < .milliseconds(900) }, "none waits for a deadline")
        try server.start()
        let began = ContinuousClock.now
        try await eventuallyTrue("the store to answer again", within: .seconds(1)) {
            // Failing is what it does until then.
            (try? await fixture.store.code(digest("c"))) != nil
        }
        #expect(ContinuousClock.now - began < .seconds(1))
        fixture.keep()
    }

    @Test("F10: with answers half a second late everything works")
    func slow() async throws {
        let server = try RedisServer()
        try server.start()
        let proxy = try FaultyProxy(to: server.port)
        let fixture = try RedisFixture("redis://127.0.0.1:\(proxy.port)")
        try await fixture.store.issue(makeCode("c"))
        proxy.behave(.delay(milliseconds: 500))
        let outcomes = try await race(50) { index in
            try await fixture.store.redeem(
                digest("c"), refreshToken: digest("r\(index)"), failureLimit: 5, at: at(1))
        }
        #expect(outcomes.filter { $0 == .redeemed(makeGrant()) }.count == 1)
        #expect(proxy.accepted == 1, "nobody gave up and came again")
        fixture.keep()
    }

    @Test("F10: a half-open connection is given up after a second, and nobody piles up")
    func halfOpen() async throws {
        let server = try RedisServer()
        try server.start()
        let proxy = try FaultyProxy(to: server.port)
        let fixture = try RedisFixture("redis://127.0.0.1:\(proxy.port)")
        try await fixture.store.issue(makeCode("c"))
        proxy.behave(.stall)
        let began = ContinuousClock.now
        let failures = try await race(200) { index in
            do throws(StoreError) {
                try await fixture.store.issue(makeCode("c\(index)"))
                return false
            } catch {
                return error.code == .unavailable
            }
        }
        #expect(failures.allSatisfy { $0 }, "what was not acknowledged is not a success")
        #expect(ContinuousClock.now - began < .seconds(4))
        // The breaker is open now: nobody waits.
        let later = ContinuousClock.now
        await #expect(throws: StoreError.self) { try await fixture.store.issue(makeCode("late")) }
        #expect(ContinuousClock.now - later < .milliseconds(500))
        proxy.behave(.pass)
        try await eventuallyTrue("the store to answer again", within: .seconds(3)) {
            (try? await fixture.store.code(digest("c"))) != nil
        }
        fixture.keep()
    }

    @Test("F10: a redemption whose answer is lost is asked again and counts once", arguments: 0..<10)
    func ambiguous(_ round: Int) async throws {
        let server = try RedisServer()
        try server.start()
        let proxy = try FaultyProxy(to: server.port)
        let fixture = try RedisFixture("redis://127.0.0.1:\(proxy.port)")
        try await fixture.store.issue(makeCode("c"))
        // So that the script is known and the lost answer is that of its run.
        _ = try await fixture.store.redeem(digest("none"), refreshToken: nil, failureLimit: 5, at: at(1))
        proxy.behave(.cutNextAnswer)
        let outcome = try await fixture.store.redeem(
            digest("c"), refreshToken: digest("r"), failureLimit: 5, at: at(1))
        #expect(outcome == .redeemed(makeGrant()), "asked again, it is still the first use")
        #expect(proxy.accepted == 2)
        #expect(try await fixture.store.refreshToken(digest("r"))?.token.generation == 0)
        let again = try await fixture.store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(2))
        #expect(again == .reused(GrantID("grant-1")), "another caller's is reuse")
        #expect(try await fixture.store.revocations(after: 0, limit: 9).count == 1)
        fixture.keep()
    }

    @Test("F10: a lost answer to a count does not count twice")
    func ambiguousCount() async throws {
        let server = try RedisServer()
        try server.start()
        let proxy = try FaultyProxy(to: server.port)
        let fixture = try RedisFixture("redis://127.0.0.1:\(proxy.port)")
        try await fixture.store.issue(makeCode("c"))
        #expect(try await fixture.store.countFailure(digest("c"), at: at(1)) == 1)
        proxy.behave(.cutNextAnswer)
        #expect(try await fixture.store.countFailure(digest("c"), at: at(1)) == 2)
        #expect(try await fixture.store.code(digest("c"))?.failures == 2)
        fixture.keep()
    }

    @Test("F10: a server that became a replica takes no writes, and none is reported")
    func readOnly() async throws {
        let server = try RedisServer()
        try server.start()
        let fixture = try RedisFixture(server.url)
        try await fixture.store.issue(makeCode("c"))
        try server.command("REPLICAOF", "127.0.0.1", "1")
        let failure = await #expect(throws: StoreError.self) {
            try await fixture.store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(1))
        }
        #expect(failure?.code == .unavailable)
        try server.command("REPLICAOF", "NO", "ONE")
        try await eventuallyTrue("writes to work again", within: .seconds(3)) {
            (try? await fixture.store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(1)))
                == .redeemed(makeGrant())
        }
        fixture.keep()
    }

    @Test("F10: without memory writes are refused as full, whole, and reading goes on")
    func full() async throws {
        let server = try RedisServer()
        try server.start()
        let fixture = try RedisFixture(server.url)
        try await fixture.store.issue(makeCode("c"))
        try server.command("CONFIG", "SET", "maxmemory", "1")
        let failure = await #expect(throws: StoreError.self) {
            try await fixture.store.redeem(digest("c"), refreshToken: digest("r"), failureLimit: 5, at: at(1))
        }
        #expect(failure?.code == .full)
        #expect(try await fixture.store.code(digest("c"))?.redeemedAt == nil)
        #expect(try await fixture.store.refreshToken(digest("r")) == nil)
        try server.command("CONFIG", "SET", "maxmemory", "0")
        let outcome = try await fixture.store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(1))
        #expect(outcome == .redeemed(makeGrant()))
        fixture.keep()
    }

    @Test("F10: while Redis loads its data nothing is served, and then everything is there")
    func loading() async throws {
        let server = try RedisServer(configuration: [
            "appendonly yes", "appendfsync always", "enable-debug-command yes",
        ])
        try server.start()
        let fixture = try RedisFixture(server.url)
        try await fixture.store.issue(makeCode("c"))
        for index in 0..<200 { try await fixture.store.issue(makeCode("c\(index)", grant: makeGrant("g\(index)"))) }
        try server.command("CONFIG", "SET", "key-load-delay", "2000")
        try server.command("CONFIG", "SET", "loading-process-events-interval-bytes", "1024")
        let loading = Task { try await onThread { try server.command("DEBUG", "RELOAD") } }
        try await eventuallyTrue("Redis to say that it loads") {
            try await onThread { try server.command("PING") }.contains("LOADING")
        }
        let failure = await #expect(throws: StoreError.self) { _ = try await fixture.store.code(digest("c")) }
        #expect(failure?.code == .unavailable)
        _ = try await loading.value
        try await eventuallyTrue("the store to answer again") {
            (try? await fixture.store.code(digest("c"))) == .some(makeCode("c"))
        }
        fixture.keep()
    }

    @Test("S03: a restart that forgets the latest revocations does not give their numbers again")
    func sequenceAfterRestart() async throws {
        let server = try RedisServer()
        try server.start()
        let fixture = try RedisFixture(server.url)
        for index in 0..<3 { try await fixture.store.openGrant(makeGrant("g\(index)"), refresh: "r\(index)") }
        _ = try await onThread { try server.command("SAVE") }
        _ = try await fixture.store.revoke(GrantID("g0"), reason: .userRequest, at: at(5))
        let seen = try #require(try await fixture.store.revocations(after: 0, limit: 9).last?.sequence)
        try await server.stop()
        try server.start()
        try await eventuallyTrue("the store to answer again", within: .seconds(3)) {
            (try? await fixture.store.revoke(GrantID("g1"), reason: .userRequest, at: at(6))) != nil
        }
        let later = try await fixture.store.revocations(after: seen, limit: 9)
        #expect(later.map(\.grant) == [GrantID("g1")], "whoever has read up to \(seen) sees it")
        fixture.keep()
    }
}
