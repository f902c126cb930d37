import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

@testable import AuthorizationServer

/// Dynamic registration.
@Suite struct RegistrationTests {
    private func register(_ fixture: Fixture, _ body: String, from address: String = "127.0.0.1") async -> Answer {
        await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")], body: body, from: address)
    }

    @Test(
        "A14: hostile redirect URIs are invalid_redirect_uri",
        arguments: [
            "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\\tscript:alert(1)",
            "data:text/html,x", "vbscript:x", "file:///etc/passwd", "http://evil.test/cb", "https://app.test/cb#frag",
            "https://user@app.test/cb", "https://*.app.test/cb", "http://localhost:8080/consent",
            "http://127.0.0.1:8080/callback/github", "/relative", "", "https://", "about:blank",
            "blob:https://a.test/x", "JAVASCRIPT:alert(1)", "java%73cript:alert(1)", "\\u0001javascript:alert(1)",
            "javascript\\u0000:alert(1)", "javascript\\n:alert(1)", "DATA:text/html;base64,PHN2Zz4=", "ws://a.test/cb",
            "ftp://a.test/cb", "filesystem:https://a.test/x", "view-source:https://a.test/", "chrome://settings",
            "http://127.0.0.1.evil.test/cb", "http://localhost.evil.test/cb", "http://127.1/cb", "http://0x7f000001/cb",
            "http://[::ffff:127.0.0.1]/cb", "http://10.0.0.1/cb", "https://app.test/*",
            "https://app.test\\\\@evil.test/",
            "https://app.test:99999/cb", "https://app.test/%zz", "https://user:pw@app.test/cb", "//app.test/cb",
            "app.test/cb", "https:app.test", "urn:ietf:wg:oauth:2.0:oob", "myapp://cb", "http://[::1]:8080/login",
        ])
    func hostileRedirect(uri: String) async throws {
        let fixture = try await Fixture()
        let answer = await register(fixture, "{\"redirect_uris\":[\"\(uri)\"]}")
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_redirect_uri")
    }

    /// Content of a client that goes away before its end.
    private final class BrokenContent: HTTPBodySource {
        func next() async throws(HTTPBodyError) -> [UInt8]? { throw .disconnected }
    }

    @Test("a client that breaks off is no failure of ours: 400, and nothing for the error log")
    func brokenOff() async throws {
        let fixture = try await Fixture()
        let (request, _) = RequestFactory.make(
            .post, "/register", fields: [("Content-Type", "application/json")], body: [],
            origin: "http://localhost:8080", from: "127.0.0.1")
        let body = HTTPRequestBody(declaredLength: 10, source: BrokenContent())
        let answer = Answer(response: await fixture.router.respond(to: request, body: body))
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_client_metadata")
    }

    @Test("A14: more than ten redirect URIs, and none at all, are refused")
    func counts() async throws {
        let fixture = try await Fixture()
        let many = (0..<11).map { "\"https://app.test/\($0)\"" }.joined(separator: ",")
        #expect(try await register(fixture, "{\"redirect_uris\":[\(many)]}").member("error") == "invalid_redirect_uri")
        #expect(await register(fixture, "{\"redirect_uris\":[]}").status == 400)
        #expect(await register(fixture, "{}").status == 400)
    }

    @Test(
        "A14: other bad metadata is invalid_client_metadata",
        arguments: [
            "[]", "{", "{\"redirect_uris\":[\"https://a.test/cb\"],\"redirect_uris\":[]}",
            "{\"redirect_uris\":[\"https://a.test/cb\"],\"client_name\":5}",
            "{\"redirect_uris\":[\"https://a.test/cb\"],\"token_endpoint_auth_method\":\"magic\"}",
        ])
    func badMetadata(body: String) async throws {
        let fixture = try await Fixture()
        let answer = await register(fixture, body)
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_client_metadata")
    }

    @Test("A14: more than 64 KiB is 413, more than N a minute is 429 with Retry-After")
    func limits() async throws {
        let fixture = try await Fixture { $0.registration.perMinute = 3 }
        let name = String(repeating: "x", count: 70_000)
        let large = await register(fixture, "{\"redirect_uris\":[\"https://a.test/cb\"],\"client_name\":\"\(name)\"}")
        #expect(large.status == 413)
        let good = "{\"redirect_uris\":[\"https://a.test/cb\"]}"
        #expect(await register(fixture, good).status == 201)
        #expect(await register(fixture, good).status == 201)
        let tooMany = await register(fixture, good)
        #expect(tooMany.status == 429)
        #expect(tooMany.header("retry-after") != nil)
        #expect(try tooMany.member("error") == "temporarily_unavailable", "nothing is wrong with the metadata")
        #expect(await register(fixture, good, from: "192.0.2.7").status == 201, "another address is not held back")
        fixture.clock.advance(by: .seconds(60))
        #expect(await register(fixture, good).status == 201)
    }

    @Test("A14: clients that were never used are gone after a day, used ones after client_lifetime")
    func forgotten() async throws {
        let fixture = try await Fixture { $0.registration.idleLifetime = .seconds(90 * 86_400) }
        let (never, used) = (try await fixture.registerClient(), try await fixture.registerClient())
        _ = try await fixture.tokens(used, user: try await fixture.addUser())
        fixture.clock.advance(by: .seconds(86_399))
        try await fixture.service.sweepOnce()
        #expect(try await fixture.store.client(ClientID(never.id)) != nil)
        fixture.clock.advance(by: .seconds(2))
        try await fixture.service.sweepOnce()
        #expect(try await fixture.store.client(ClientID(never.id)) == nil)
        fixture.clock.advance(by: .seconds(89 * 86_400 - 10))
        try await fixture.service.sweepOnce()
        #expect(try await fixture.store.client(ClientID(used.id)) != nil)
        fixture.clock.advance(by: .seconds(86_400))
        try await fixture.service.sweepOnce()
        #expect(try await fixture.store.client(ClientID(used.id)) == nil)
    }

    @Test("A14: the number of clients is bounded, and clients never used give way")
    func capacity() async throws {
        let fixture = try await Fixture {
            $0.registration.capacity = 2
            $0.registration.perMinute = 100
        }
        let good = "{\"redirect_uris\":[\"https://a.test/cb\"]}"
        #expect(await register(fixture, good).status == 201)
        #expect(await register(fixture, good).status == 201)
        #expect(await register(fixture, good).status == 503)
        fixture.clock.advance(by: .seconds(3601))
        #expect(await register(fixture, good).status == 201)
    }

    @Test("RFC 7591 §3.2.1: the answer tells everything that was registered")
    func completeAnswer() async throws {
        let fixture = try await Fixture()
        let answer = await register(
            fixture,
            "{\"redirect_uris\":[\"http://127.0.0.1/cb\"],\"client_name\":\"X\",\"application_type\":\"native\",\"token_endpoint_auth_method\":\"none\"}"
        )
        #expect(answer.status == 201)
        #expect(answer.header("cache-control") == "no-store")
        #expect(try answer.member("client_name") == "X")
        #expect(try answer.member("token_endpoint_auth_method") == "none")
        #expect(try answer.json()["redirect_uris"]?[0]?.string == "http://127.0.0.1/cb")
        #expect(try answer.json()["client_id_issued_at"]?.integer != nil)
        #expect(try answer.member("registration_access_token")?.hasPrefix("sp_registration_") == true)
        #expect(try answer.json()["client_secret"] == nil)
    }
}
