import AuthorizationServer
import OAuth
import Storage
import Synchronization
import Telemetry
import Testing

/// API keys, from their making to the bearer check.
@Suite struct APIKeyTests {
    /// What stands behind the keys: takes one token.
    struct Next: AccessTokenVerifier {
        func verify(
            _ token: String, for resource: String, issuer: String
        ) async throws(AccessTokenRejection) -> Principal {
            guard token == "jwt" else { throw AccessTokenRejection(.invalid, detail: "next") }
            return .anonymous
        }
    }

    struct Bench {
        let fixture: Fixture
        let keys: APIKeyAdministration
        let verifier: APIKeyVerifier<Next>

        init() async throws {
            fixture = try await Fixture()
            _ = try await fixture.addUser("alice")
            keys = APIKeyAdministration(
                store: fixture.store, directory: FixedResources(), clock: fixture.clock.wallClock, audit: fixture.audit)
            verifier = fixture.service.acceptingAPIKeys(before: Next())
        }

        func make(_ resources: [String] = ["/a/mcp"], scope: Scope? = nil, lifetime: Duration = .seconds(3600))
            async throws -> (key: APIKeyRecord, text: String)
        {
            try await keys.create(
                .init(user: "alice", name: "laptop", resources: resources, scope: scope, lifetime: lifetime))
        }

        /// What a bearer check says; nil is yes.
        func refusal(_ token: String, at path: String = "/a/mcp") async -> AccessTokenRejection.Kind? {
            do {
                _ = try await verifier.verify(
                    token, for: "http://localhost:8080" + path, issuer: "http://localhost:8080")
                return nil
            } catch {
                return error.kind
            }
        }
    }

    @Test("A13: an API key acts for its user, with its scopes, at its servers and nowhere else")
    func accepted() async throws {
        let bench = try await Bench()
        let (key, text) = try await bench.make(scope: Scope(tokens: ["a:read"]))
        #expect(text.hasPrefix("sp_key_") && text.hasPrefix(key.hint) && key.hint.count < 14)
        let principal = try await bench.verifier.verify(
            text, for: "http://localhost:8080/a/mcp", issuer: "http://localhost:8080")
        #expect(principal.userName == "alice")
        #expect(principal.scope == Scope(tokens: ["a:read"]))
        #expect(principal.grant == key.id)
        #expect(await bench.refusal(text, at: "/b/mcp") == .invalid)
        #expect(await bench.refusal(text, at: "/a/mcp2") == .invalid)
        #expect(await bench.refusal(text + "x") == .invalid)
        #expect(await bench.refusal(String(text.dropLast())) == .invalid)
        #expect(await bench.refusal("jwt") == nil, "other tokens go on")
        #expect(await bench.refusal("other") == .invalid)
        let everywhere = try await bench.make([])
        #expect(await bench.refusal(everywhere.text, at: "/b/mcp") == nil)
        #expect(everywhere.key.scope == Scope(tokens: ["a:read", "a:write", "b:read"]))
        #expect(try await bench.fixture.store.apiKeys(of: nil).allSatisfy { $0.lastUsedAt != nil })
    }

    @Test("S02: of an API key the store holds a digest, and two keys are two clients")
    func stored() async throws {
        let bench = try await Bench()
        let first = try await bench.make()
        let second = try await bench.make()
        for record in try await bench.fixture.store.apiKeys(of: nil) {
            let dump = String(describing: record)
            #expect(!dump.contains(first.text) && !dump.contains(second.text))
        }
        var clients: Set<ClientID> = []
        for text in [first.text, second.text] {
            clients.insert(
                try await bench.verifier.verify(
                    text, for: "http://localhost:8080/a/mcp", issuer: "http://localhost:8080"
                ).client)
        }
        #expect(clients.count == 2, "M01: a session of one key is not a session of the other")
    }

    @Test("T08: a revoked API key is refused although it is remembered, by this process and by the feed")
    func revoked() async throws {
        let bench = try await Bench()
        let (key, text) = try await bench.make()
        #expect(await bench.refusal(text) == nil)
        try await bench.keys.revoke(key.id.value)
        #expect(await bench.refusal(text) == nil, "remembered until the feed is read")
        try await bench.fixture.service.prepare()
        #expect(await bench.refusal(text) == .invalid)
        await #expect(throws: APIKeyAdministration.Refusal.unknownKey("key_x")) {
            try await bench.keys.revoke("key_x")
        }
        #expect(bench.fixture.audit.actions.suffix(2) == [.apiKeyCreated, .apiKeyRevoked])
    }

    @Test("T08: the API keys of a disabled user are dead, and stay dead when the user comes back")
    func disabled() async throws {
        let bench = try await Bench()
        let (_, text) = try await bench.make()
        #expect(await bench.refusal(text) == nil)
        try await bench.fixture.users.disable("alice")
        try await bench.fixture.service.prepare()
        #expect(await bench.refusal(text) == .invalid)
        await #expect(throws: APIKeyAdministration.Refusal.disabledUser("alice")) { _ = try await bench.make() }
        try await bench.fixture.users.enable("alice")
        #expect(await bench.refusal(text) == .invalid)
        #expect(try await bench.keys.list(of: "alice").count == 1)
    }

    @Test("T08: what a user is counts for an API key as it is half a minute later")
    func fresh() async throws {
        let bench = try await Bench()
        let (_, text) = try await bench.make()
        func groups() async throws -> [String] {
            try await bench.verifier.verify(
                text, for: "http://localhost:8080/a/mcp", issuer: "http://localhost:8080"
            ).groups
        }
        #expect(try await groups() == [])
        _ = try await bench.fixture.users.setProfile(
            of: "alice", email: nil, groups: ["ops"], isAdministrator: nil)
        bench.fixture.clock.advance(by: .seconds(31))
        try await bench.fixture.service.prepare()
        #expect(try await groups() == ["ops"])
    }

    @Test("S03: an API key ends at its time, remembered or not")
    func expired() async throws {
        let bench = try await Bench()
        let (_, text) = try await bench.make(lifetime: .seconds(10))
        #expect(await bench.refusal(text) == nil)
        bench.fixture.clock.advance(by: .seconds(10))
        try await bench.fixture.service.prepare()
        #expect(await bench.refusal(text) == .invalid)
    }

    @Test("R04: when the state of the key or the store is not known, an API key is refused as unavailable")
    func unavailable() async throws {
        let bench = try await Bench()
        let (_, text) = try await bench.make()
        #expect(await bench.refusal(text) == nil)
        bench.fixture.clock.advance(by: .seconds(5))
        #expect(await bench.refusal(text) == .unavailable, "the feed was last read five seconds ago")
    }

    @Test("what cannot be: a server or scope that is not there, a user that is not there, fifty-one keys")
    func refusals() async throws {
        let bench = try await Bench()
        await #expect(throws: APIKeyAdministration.Refusal.unknownResource("/c/mcp")) {
            _ = try await bench.make(["/c/mcp"])
        }
        await #expect(throws: APIKeyAdministration.Refusal.unknownScope("b:read")) {
            _ = try await bench.make(["/a/mcp"], scope: Scope(tokens: ["b:read"]))
        }
        await #expect(throws: APIKeyAdministration.Refusal.unknownUser("bob")) {
            _ = try await bench.keys.create(
                .init(user: "bob", name: "x", resources: [], scope: nil, lifetime: .seconds(60)))
        }
        await #expect(throws: APIKeyAdministration.Refusal.badName) {
            _ = try await bench.keys.create(
                .init(user: "alice", name: "\u{200B}", resources: [], scope: nil, lifetime: .seconds(60)))
        }
        #expect(try await bench.make(["Server A", "http://localhost:8080/a/mcp"]).key.resources == ["/a/mcp"])
        for _ in 1..<APIKeyAdministration.limit { _ = try await bench.make() }
        await #expect(throws: APIKeyAdministration.Refusal.tooMany) { _ = try await bench.make() }
    }
}
