import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

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
            "blob:https://a.test/x",
        ])
    func hostileRedirect(uri: String) async throws {
        let fixture = try await Fixture()
        let answer = await register(fixture, "{\"redirect_uris\":[\"\(uri)\"]}")
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_redirect_uri")
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
        #expect(await register(fixture, good, from: "192.0.2.7").status == 201, "another address is not held back")
        fixture.clock.advance(by: .seconds(60))
        #expect(await register(fixture, good).status == 201)
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
