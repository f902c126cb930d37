import AuthorizationServer
import Foundation
import OAuth
import Telemetry
import TestSupport
import Testing

@testable import Storage

/// Two servers and a sentinel.
@Suite("Redis failover", .timeLimit(.minutes(2)), .serialized)
struct RedisFailoverTests {
    /// A master, its replica and who watches over them.
    struct Cluster {
        let master: RedisServer
        let replica: RedisServer
        let sentinel: RedisServer

        init() throws {
            master = try RedisServer(configuration: [
                "appendonly yes", "appendfsync always", "repl-diskless-sync-delay 0",
            ])
            try master.start()
            replica = try RedisServer(
                configuration: [
                    "replicaof 127.0.0.1 \(master.port)", "appendonly yes", "repl-diskless-sync-delay 0",
                ])
            try replica.start()
            sentinel = try RedisServer(
                isSentinel: true,
                configuration: [
                    "sentinel monitor main 127.0.0.1 \(master.port) 1", "sentinel down-after-milliseconds main 500",
                    "sentinel failover-timeout main 3000", "sentinel parallel-syncs main 1",
                ])
            try sentinel.start()
        }

        var url: String { "redis+sentinel://127.0.0.1:1,127.0.0.1:\(sentinel.port)/main" }

        /// Waits until the replica has everything and the sentinel knows it.
        func settle() async throws {
            let (replica, sentinel) = (replica, sentinel)
            try await eventuallyTrue("the replica to be in step", within: .seconds(20)) {
                try await onThread {
                    try replica.command("INFO", "replication").contains("master_link_status:up")
                        && sentinel.command("SENTINEL", "REPLICAS", "main").contains(String(replica.port))
                }
            }
        }
    }

    @Test("F11: a graceful failover loses nothing that was acknowledged")
    func graceful() async throws {
        let cluster = try Cluster()
        try await cluster.settle()
        let fixture = try RedisFixture(cluster.url)
        let ledger = try await write(to: fixture.store, rounds: 250) { round in
            guard round == 100 else { return }
            _ = try await onThread { try cluster.sentinel.command("SENTINEL", "FAILOVER", "main") }
        }
        try await eventuallyTrue("the replica to be the master", within: .seconds(20)) {
            try await onThread { try cluster.replica.command("INFO", "replication") }.contains("role:master")
        }
        try await eventuallyTrue("the new master to take writes", within: .seconds(20)) {
            (try? await fixture.store.issue(makeCode("after"))) != nil
        }
        try await check(ledger, fixture.store)
        #expect(ledger.redeemed.count > 100)
        fixture.keep()
    }

    @Test("F11: a hard failover brings no code and no revoked token back")
    func hard() async throws {
        let cluster = try Cluster()
        try await cluster.settle()
        let fixture = try RedisFixture(cluster.url)
        let ledger = try await write(to: fixture.store, rounds: 130) { round in
            guard round == 100 else { return }
            try await cluster.master.stop()
        }
        // The old master comes back as the replica that confirms.
        try await eventuallyTrue("the sentinel to promote the replica", within: .seconds(20)) {
            try await onThread { try cluster.replica.command("INFO", "replication") }.contains("role:master")
        }
        try cluster.master.start()
        try await eventuallyTrue("writes to be confirmed again", within: .seconds(30)) {
            (try? await fixture.store.issue(makeCode("after"))) != nil
        }
        try await check(ledger, fixture.store)
        #expect(ledger.redeemed.count >= 100)
        fixture.keep()
    }

    @Test("F11: without a replica nothing is acknowledged that a failover could lose, and reading goes on")
    func unconfirmed() async throws {
        let cluster = try Cluster()
        try await cluster.settle()
        let fixture = try RedisFixture(cluster.url)
        try await eventuallyTrue("the replica to confirm", within: .seconds(10)) {
            (try? await fixture.store.issue(makeCode("c"))) != nil
        }
        try await cluster.sentinel.stop()
        cluster.replica.pause()
        let failure = await #expect(throws: StoreError.self) {
            try await fixture.store.redeem(digest("c"), refreshToken: nil, failureLimit: 5, at: at(1))
        }
        #expect(failure?.code == .unavailable)
        cluster.replica.resume()
        // No sentinel is left, but the connection that stands goes on working.
        try await eventuallyTrue("writes to be confirmed again", within: .seconds(10)) {
            (try? await fixture.store.issue(makeCode("again"))) != nil
        }
        #expect(try await fixture.store.code(digest("c")) != nil)
        fixture.keep()
    }

    /// What was acknowledged.
    struct Acknowledged: Sendable {
        var redeemed: [Int] = []
        var revoked: [Int] = []
    }

    /// Issues, redeems and revokes in rounds, keeping what was acknowledged; failures are what they are.
    private func write(
        to store: RedisStore, rounds: Int, _ act: (Int) async throws -> Void
    ) async throws -> Acknowledged {
        var ledger = Acknowledged()
        try await eventuallyTrue("the replica to confirm", within: .seconds(10)) {
            (try? await store.issue(makeCode("first"))) != nil
        }
        for round in 0..<rounds {
            try await act(round)
            do throws(StoreError) {
                let grant = makeGrant("grant-\(round)")
                try await store.issue(makeCode("code-\(round)", grant: grant))
                let outcome = try await store.redeem(
                    digest("code-\(round)"), refreshToken: digest("refresh-\(round)"), failureLimit: 5, at: at(1))
                if outcome == .redeemed(grant) { ledger.redeemed.append(round) }
                guard round.isMultiple(of: 2) else { continue }
                if try await store.revoke(grant.id, reason: .userRequest, at: at(2)) == .revoked {
                    ledger.revoked.append(round)
                }
            } catch {
                // Not acknowledged, so not in the ledger. A pause, so that the failover ends within the rounds; that it
                // may not is no failure of this round.
                _ = try? await eventuallyTrue("a write", within: .milliseconds(300)) {
                    (try? await store.issue(makeCode("probe-\(round)"))) != nil
                }
            }
        }
        return ledger
    }

    private func check(_ ledger: Acknowledged, _ store: RedisStore) async throws {
        for round in ledger.redeemed {
            let code = try await store.code(digest("code-\(round)"))
            #expect(code?.redeemedAt != nil, "code \(round) is spent")
            #expect(try await store.refreshToken(digest("refresh-\(round)")) != nil, "token \(round) is there")
        }
        for round in ledger.revoked {
            let grant = try await store.grant(GrantID("grant-\(round)"))
            #expect(grant?.revokedAt != nil, "grant \(round) stays revoked")
            let revived = try await store.rotate(
                digest("refresh-\(round)"), of: ClientID("client-1"), successor: digest("revived"),
                policy: RotationPolicy(), at: at(3))
            #expect(revived == .revoked(GrantID("grant-\(round)")))
        }
        let feed = try await store.revocations(after: 0, limit: 10_000)
        #expect(Set(feed.map(\.grant.value)).isSuperset(of: ledger.revoked.map { "grant-\($0)" }))
        #expect(zip(feed, feed.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
    }
}
