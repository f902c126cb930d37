import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Who may ask `/token` and `/revoke`.
@Suite struct ClientAuthenticationTests {
    @Test("A09: a confidential client without its secret is invalid_client", arguments: ["/token", "/revoke"])
    func missingSecret(path: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        let secret = try #require(client.secret)
        let base = [
            ("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x"), ("client_id", client.id),
        ]
        for answer in [
            await fixture.send(.post, path, form: base),
            await fixture.send(.post, path, form: base + [("client_secret", "wrong")]),
            await fixture.send(.post, path + "?client_secret=" + secret, form: base),
        ] {
            #expect(answer.status == 401)
            #expect(try answer.member("error") == "invalid_client")
        }
        let right = await fixture.send(.post, path, form: base + [("client_secret", secret)])
        #expect(right.status == (path == "/revoke" ? 200 : 400))
    }

    @Test("A09: Basic is answered with its challenge, and only by who registered it")
    func basic() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        func post(_ credentials: String, _ form: [(String, String)] = [("token", "x")]) async -> Answer {
            let value = "Basic " + Base64.encode(Array(credentials.utf8))
            return await fixture.send(.post, "/revoke", fields: [("Authorization", value)], form: form)
        }
        #expect(await post("\(client.id):\(secret)").status == 200)
        let wrong = await post("\(client.id):wrong")
        #expect(wrong.status == 401)
        #expect(wrong.header("www-authenticate")?.hasPrefix("Basic") == true)
        let body = await fixture.send(
            .post, "/revoke", form: [("token", "x"), ("client_id", client.id), ("client_secret", secret)])
        #expect(body.status == 200, "the same secret in the body")
    }

    @Test("A09: two ways at once are invalid_request")
    func twoWays() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        let value = "Basic " + Base64.encode(Array("\(client.id):\(secret)".utf8))
        let answer = await fixture.send(
            .post, "/token", fields: [("Authorization", value)],
            form: [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_secret", secret)])
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_request")
    }

    @Test("A09: a public client with a secret, and an unknown client, are invalid_client")
    func publicAndUnknown() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let form = [("token", "x"), ("client_id", client.id)]
        #expect(await fixture.send(.post, "/revoke", form: form).status == 200)
        #expect(await fixture.send(.post, "/revoke", form: form + [("client_secret", "s")]).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: [("token", "x"), ("client_id", "nobody")]).status == 401)
        #expect(await fixture.send(.post, "/revoke", form: [("token", "x")]).status == 401)
    }

    @Test("a JSON body at /token is invalid_request, and another grant type is unsupported")
    func malformed() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let json = await fixture.send(
            .post, "/token", fields: [("Content-Type", "application/json")], body: "{\"grant_type\":\"password\"}")
        #expect(try json.member("error") == "invalid_request")
        let password = await fixture.send(
            .post, "/token", form: [("grant_type", "password"), ("client_id", client.id)])
        #expect(try password.member("error") == "unsupported_grant_type")
    }
}
