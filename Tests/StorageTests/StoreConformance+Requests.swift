import AuthorizationServer
import OAuth
import Telemetry
import Testing

@testable import Storage

/// What every backend must do with things that are presented once: proofs, pushed requests, device codes.
@Suite("Store conformance: one-time uses, pushed requests, devices", .timeLimit(.minutes(2)))
struct RequestConformance {
    @Test("T10: of 100 racing uses of a proof exactly one is the first", arguments: Backend.allCases)
    func firstUseRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for round in 0..<20 {
            let outcomes = try await race(100) { _ in
                try await store.firstUse(digest("proof-\(round)"), until: at(60), at: at(0))
            }
            #expect(outcomes.filter { $0 }.count == 1)
        }
    }

    @Test("T10: a use is remembered until its end, and what is over is never a first use", arguments: Backend.allCases)
    func firstUseWindow(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        #expect(try await store.firstUse(digest("a"), until: at(60), at: at(0)))
        #expect(try await !store.firstUse(digest("a"), until: at(90), at: at(59)))
        #expect(try await !store.firstUse(digest("b"), until: at(59), at: at(59)))
        #expect(try await store.firstUse(digest("a"), until: at(120), at: at(60)), "the window is over")
        #expect(try await !store.firstUse(digest("a"), until: at(120), at: at(61)))
        #expect(
            try await !store.firstUse(digest("c"), until: at(30), at: at(0)), "S03: a clock set back revives nothing")
        #expect(try await store.sweep(at: at(200), revocationsBefore: at(0)) > 0)
    }

    @Test("A17: a pushed request is taken once, by its client, in time", arguments: Backend.allCases)
    func pushedRequest(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        func push(_ name: String) async throws {
            try await store.push(
                PushedRequest(
                    id: digest(name), client: ClientID("client-1"), parameters: Array(name.utf8), pushedAt: start,
                    expiresAt: at(60)), capacity: 100)
        }
        try await push("a")
        #expect(try await store.take(digest("a"), of: ClientID("client-2"), at: at(1)) == .wrongClient)
        let taken = try await store.take(digest("a"), of: ClientID("client-1"), at: at(1))
        #expect(taken == .taken(parameters: Array("a".utf8)))
        #expect(try await store.take(digest("a"), of: ClientID("client-1"), at: at(1)) == .unknown)
        try await push("late")
        #expect(try await store.take(digest("late"), of: ClientID("client-1"), at: at(60)) == .expired)
        try await push("race")
        let none = try await race(50) { _ in try await store.take(digest("race"), of: ClientID("client-1"), at: at(1)) }
        #expect(none.allSatisfy { $0 == .expired || $0 == .unknown }, "the clock has been at 60 s")
    }

    @Test("A17: of 100 racing uses of a pushed request exactly one gets it", arguments: Backend.allCases)
    func pushedRace(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for round in 0..<20 {
            try await store.push(
                PushedRequest(
                    id: digest("r-\(round)"), client: ClientID("client-1"), parameters: [1], pushedAt: start,
                    expiresAt: at(60)), capacity: 100)
            let outcomes = try await race(100) { _ in
                try await store.take(digest("r-\(round)"), of: ClientID("client-1"), at: at(1))
            }
            #expect(outcomes.filter { $0 == .taken(parameters: [1]) }.count == 1)
            #expect(outcomes.filter { $0 == .unknown }.count == 99)
        }
    }

    @Test("A17: beyond the capacity the oldest pushed requests give way", arguments: Backend.allCases)
    func pushedCapacity(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        for index in 0..<5 {
            try await store.push(
                PushedRequest(
                    id: digest("r-\(index)"), client: ClientID("c"), parameters: [1], pushedAt: at(Int64(index)),
                    expiresAt: at(60)), capacity: 3)
        }
        for index in 0..<5 {
            let outcome = try await store.take(digest("r-\(index)"), of: ClientID("c"), at: at(10))
            #expect(outcome == (index < 2 ? .unknown : .taken(parameters: [1])))
        }
    }

    @Test("a device polls, is slowed down, approved, and gets its tokens once", arguments: Backend.allCases)
    func device(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        #expect(try await store.begin(makeDevice("d"), capacity: 10))
        #expect(try await !store.begin(makeDevice("other", userCode: "user code of d"), capacity: 10))
        #expect(try await poll(store, "d", 0) == .pending)
        #expect(try await poll(store, "d", 4) == .slowDown)
        #expect(try await poll(store, "d", 13) == .slowDown, "the interval is 10 s now")
        #expect(try await poll(store, "d", 28) == .pending, "and 15 s after that")
        #expect(try await poll(store, "d", 60, client: "client-2") == .wrongClient)
        #expect(try await poll(store, "nothing", 60) == .unknown)
        let grant = makeGrant()
        #expect(try await store.decide(digest("d"), grant: grant, at: at(60)) == .decided)
        #expect(try await store.decide(digest("d"), grant: nil, at: at(60)) == .alreadyDecided)
        #expect(try await store.deviceAuthorization(userCode: digest("user code of d"))?.grant == grant)
        #expect(try await store.grant(grant.id) == nil, "nothing to use until the device asks")
        let outcomes = try await race(50) { index in
            try await store.poll(
                digest("d"), of: ClientID("client-1"), refreshToken: digest("r-\(index)"), keyThumbprint: nil,
                at: at(61))
        }
        #expect(outcomes.filter { $0 == .redeemed(grant) }.count == 1)
        #expect(outcomes.filter { $0 == .reused(grant.id) }.count == 49)
        #expect(try await store.grant(grant.id)?.revokedAt == at(61))
    }

    @Test("a device that is denied, too late or whose user is disabled gets nothing", arguments: Backend.allCases)
    func deviceRefusals(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.add(makeUser("alice", id: "user-1"), onlyIfFirst: false)
        for name in ["denied", "late", "disabled", "bound"] {
            #expect(try await store.begin(makeDevice(name), capacity: 10))
        }
        #expect(try await store.decide(digest("denied"), grant: nil, at: at(1)) == .decided)
        #expect(try await poll(store, "denied", 2) == .denied)
        var bound = makeGrant("bound")
        #expect(try await store.decide(digest("bound"), grant: bound, at: at(1)) == .decided)
        let outcome = try await store.poll(
            digest("bound"), of: ClientID("client-1"), refreshToken: digest("rb"), keyThumbprint: "thumb", at: at(2))
        bound.keyThumbprint = "thumb"
        #expect(outcome == .redeemed(bound))
        #expect(try await store.refreshToken(digest("rb"))?.grant.keyThumbprint == "thumb")
        #expect(try await store.decide(digest("disabled"), grant: makeGrant("g"), at: at(3)) == .decided)
        _ = try await store.change(UserID("user-1"), .disable, at: at(4))
        #expect(try await poll(store, "disabled", 5) == .denied)
        #expect(try await store.decide(digest("late"), grant: makeGrant("l"), at: at(600)) == .expired)
        #expect(try await poll(store, "late", 600) == .expired)
        #expect(try await store.decide(digest("nothing"), grant: nil, at: at(600)) == .unknown)
    }

    private func poll(
        _ store: any AuthorizationStore, _ name: String, _ seconds: Int64, client: String = "client-1"
    ) async throws -> DevicePoll {
        try await store.poll(
            digest(name), of: ClientID(client), refreshToken: digest("refresh of \(name)"), keyThumbprint: nil,
            at: at(seconds))
    }

    private func makeDevice(_ name: String, userCode: String? = nil) -> DeviceAuthorization {
        let grant = makeGrant()
        return DeviceAuthorization(
            id: digest(name), userCode: digest(userCode ?? "user code of \(name)"), client: grant.client,
            scope: grant.scope, resources: grant.resources, issuer: grant.issuer, beganAt: start, expiresAt: at(600))
    }
}
