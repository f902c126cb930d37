import AuthorizationServer
import Telemetry
import Testing

@testable import Storage

/// What every backend must do when signing keys end.
@Suite("Store conformance: retired signing keys", .timeLimit(.minutes(1)))
struct KeyRetirementConformance {
    @Test("T08: a key that nothing could sign without stays; any other one goes, once", arguments: Backend.allCases)
    func retirement(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        var other: SigningKeyRecord = makeKey("other")
        other.algorithm = "EdDSA"
        let next: SigningKeyRecord = makeKey("next", created: 10)
        _ = try await store.establish([makeKey("only"), other, next])
        #expect(try await store.retire("only", at: at(9)) == .onlyKey, "the next one does not sign yet")
        #expect(try await store.retire("nobody's", at: at(9)) == .unknown)
        #expect(try await store.signingKeys().map(\.id) == ["only", "other", "next"])
        #expect(try await store.retire("only", at: at(10)) == .retired)
        #expect(try await store.retire("only", at: at(10)) == .unknown)
        #expect(try await store.retire("next", at: at(10)) == .onlyKey, "a retired key signs nothing")
        #expect(try await store.retire("other", at: at(10)) == .onlyKey, "nor does one of another algorithm")
        #expect(try await store.add(makeKey("later", created: 100), unlessCreatedAfter: nil))
        #expect(try await store.retire("later", at: at(11)) == .retired, "what does not sign yet is not missed")
        #expect(try await store.signingKeys().map(\.id) == ["other", "next"])
    }

    @Test("T08: of two keys that are retired at once one stays to sign", arguments: Backend.allCases)
    func race(_ backend: Backend) async throws {
        let fixture = try StoreUnderTest(backend)
        defer { fixture.keep() }
        let store = fixture.store
        _ = try await store.establish([makeKey("key-0")])
        for round in 1...50 {
            #expect(try await store.add(makeKey("key-\(round)", created: Int64(round)), unlessCreatedAfter: nil))
            let ids = try await store.signingKeys().map(\.id)
            try #require(ids.count == 2)
            let outcomes = try await StorageTests.race(2) { try await store.retire(ids[$0], at: at(100)) }
            #expect(Set(outcomes) == [.retired, .onlyKey])
        }
        #expect(try await store.signingKeys().count == 1)
    }
}
