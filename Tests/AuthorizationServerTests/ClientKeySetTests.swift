import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Keys that clients publish at `jwks_uri`.
@Suite struct ClientKeySetTests {
    static let keys = "https://client.test/jwks.json"

    private static func publish(_ keys: [PrivateKey], _ web: PublishedDocuments) throws {
        let set = JSONWebKeySet(keys: try keys.map { JSONWebKey(try $0.publicKey()) })
        web.publish(String(decoding: set.json(), as: UTF8.self), at: Self.keys)
    }

    private func client(_ fixture: Fixture, key: PrivateKey) async throws -> AssertingClient {
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"private_key_jwt",
                 "jwks_uri":"\(Self.keys)"}
                """)
        try #require(answer.status == 201, "\(answer.text)")
        return AssertingClient(id: try #require(try answer.member("client_id")), key: key)
    }

    @Test(
        "T10: RefreshTokenRPKeyRotation: a client's new key counts as soon as it is published, its old one until it is gone"
    )
    func rotation() async throws {
        let web = PublishedDocuments()
        let fixture = try await Fixture(documents: web)
        let (old, new) = (try PrivateKey.generate(.es256), try PrivateKey.generate(.edDSA))
        try Self.publish([old], web)
        let before = try await client(fixture, key: old)
        let after = AssertingClient(id: before.id, key: new)
        func status(_ client: AssertingClient, _ id: String) async throws -> Int {
            await client.post(fixture, "/revoke", try client.assertion(id: id, at: fixture.clock.now)).status
        }
        #expect(try await status(before, "1") == 200)
        #expect(try await status(before, "2") == 200)
        #expect(web.fetches.count == 1)
        try Self.publish([new, old], web)
        fixture.clock.advance(by: .seconds(61))
        #expect(try await status(after, "3") == 200, "an unknown kid is looked up")
        #expect(try await status(before, "4") == 200)
        try Self.publish([new], web)
        fixture.clock.advance(by: .seconds(3601))
        #expect(try await status(before, "5") == 401)
        #expect(try await status(after, "6") == 200)
    }

    @Test("T03: unknown kids cause at most one fetch a minute")
    func unknownKeys() async throws {
        let web = PublishedDocuments()
        let fixture = try await Fixture(documents: web)
        let (known, unknown) = (try PrivateKey.generate(.es256), try PrivateKey.generate(.es256))
        try Self.publish([known], web)
        let registered = try await client(fixture, key: known)
        let forger = AssertingClient(id: registered.id, key: unknown)
        for round in 0..<50 {
            let assertion = try forger.assertion(id: "\(round)", at: fixture.clock.now)
            #expect(await forger.post(fixture, "/revoke", assertion).status == 401)
        }
        #expect(web.fetches.count == 1)
        fixture.clock.advance(by: .seconds(61))
        for round in 50..<100 {
            let assertion = try forger.assertion(id: "\(round)", at: fixture.clock.now)
            #expect(await forger.post(fixture, "/revoke", assertion).status == 401)
        }
        #expect(web.fetches.count == 2)
    }

    @Test(
        "T03: keys that cannot be had, or are none, are looked for a few times a minute, however often somebody asks",
        arguments: [true, false])
    func failingFetches(isReachable: Bool) async throws {
        let web = PublishedDocuments()
        let fixture = try await Fixture(documents: web)
        let client = try await client(fixture, key: try PrivateKey.generate(.es256))
        if isReachable { web.publish("nothing", at: Self.keys) } else { web.fail(Self.keys, .unreachable("timeout")) }
        var last = 0
        for round in 0..<50 {
            let assertion = try client.assertion(id: "\(round)", at: fixture.clock.now)
            last = await client.post(fixture, "/revoke", assertion).status
        }
        #expect(web.fetches.count == 10)
        #expect(last == 503, "nobody knows whether the assertion is good")
        try Self.publish([client.key], web)
        fixture.clock.advance(by: .seconds(6))
        let later = await client.post(fixture, "/revoke", try client.assertion(id: "later", at: fixture.clock.now))
        #expect(later.status == 200, "back within seconds when they can be had")
    }

    @Test("keys that cannot be had are 503, keys that are none are invalid_client")
    func missing() async throws {
        let web = PublishedDocuments()
        let fixture = try await Fixture(documents: web)
        let client = try await client(fixture, key: try PrivateKey.generate(.es256))
        web.fail(Self.keys, .unreachable("timeout"))
        let first = await client.post(fixture, "/revoke", try client.assertion(id: "1", at: fixture.clock.now))
        #expect(first.status == 503)
        web.publish("{\"keys\":7}", at: Self.keys)
        let second = await client.post(fixture, "/revoke", try client.assertion(id: "2", at: fixture.clock.now))
        #expect(second.status == 401)
    }

    @Test("a7: a client that publishes document and keys is confidential: without its key it gets nothing")
    func documentWithKeys() async throws {
        let web = PublishedDocuments()
        let fixture = try await Fixture(documents: web)
        let key = try PrivateKey.generate(.es256)
        try Self.publish([key], web)
        web.publish(
            ClientDocumentTests.document([
                "token_endpoint_auth_method": "\"private_key_jwt\"", "jwks_uri": "\"\(Self.keys)\"",
            ]), at: ClientDocumentTests.address)
        let client = AssertingClient(id: ClientDocumentTests.address, key: key)
        #expect(
            await client.post(fixture, "/revoke", try client.assertion(id: "1", at: fixture.clock.now)).status == 200)
        let form = [("token", "x"), ("client_id", client.id)]
        #expect(await fixture.send(.post, "/revoke", form: form).status == 401)
    }
}
