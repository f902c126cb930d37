import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// `/introspect`: who may ask, and what is told.
@Suite struct IntrospectionTests {
    private func introspect(
        _ token: String, _ fixture: Fixture, as client: Fixture.TestClient
    ) async -> Answer {
        var form = [("token", token), ("client_id", client.id)]
        if let secret = client.secret { form.append(("client_secret", secret)) }
        return await fixture.send(.post, "/introspect", form: form)
    }

    @Test("T10: without proof of who asks, introspection is 401", arguments: ["POST", "GET"])
    func unauthenticated(method: String) async throws {
        let fixture = try await Fixture()
        let owner = try await fixture.registerClient(method: "client_secret_post")
        let tokens = try await fixture.tokens(owner, user: try await fixture.addUser())
        let open = try await fixture.registerClient()
        guard method == "POST" else {
            let answer = await fixture.send(.get, "/introspect?token=\(tokens.access)")
            #expect(answer.status == 405)
            return
        }
        let forms = [
            [("token", tokens.access)], [("token", tokens.access), ("client_id", owner.id)],
            [("token", tokens.access), ("client_id", owner.id), ("client_secret", "wrong")],
            [("token", tokens.access), ("client_id", open.id)], [("token", tokens.access), ("client_id", "nobody")],
        ]
        for form in forms {
            let answer = await fixture.send(.post, "/introspect", form: form)
            #expect(answer.status == 401, "\(form)")
            #expect(try answer.member("error") == "invalid_client")
            #expect(!answer.text.contains("active"))
        }
        let bearer = await fixture.send(
            .post, "/introspect", fields: [("Authorization", "Bearer \(tokens.access)")],
            form: [("token", tokens.access)])
        #expect(bearer.status == 401, "an access token is not a client's credential")
    }

    @Test("RFC 7662 §2.2: what an access token is good for") func accessToken() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(client, user: user)
        let answer = await introspect(tokens.access, fixture, as: client)
        let root = try answer.json()
        #expect(answer.status == 200 && answer.header("cache-control") == "no-store")
        #expect(root["active"]?.boolean == true && root["token_type"]?.string == "Bearer")
        #expect(root["client_id"]?.string == client.id && root["sub"]?.string == user.id.value)
        #expect(root["username"]?.string == "alice" && root["iss"]?.string == "http://localhost:8080")
        #expect(root["aud"]?.string == "http://localhost:8080/a/mcp")
        #expect(root["exp"]?.integer == fixture.clock.now.seconds + 900)
        #expect(root["iat"]?.integer == fixture.clock.now.seconds && root["jti"]?.string?.hasPrefix("at_") == true)
        #expect(root["scope"]?.string?.isEmpty == false)
        #expect(root["grant"] == nil && root["groups"] == nil, "our own claims stay ours")
    }

    @Test("RFC 7662 §2.2: what a refresh token is good for, and that a used one is over after its grace")
    func refreshToken() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(client, user: user)
        let root = try await introspect(tokens.refresh, fixture, as: client).json()
        #expect(root["active"]?.boolean == true && root["token_type"] == nil)
        #expect(root["client_id"]?.string == client.id && root["sub"]?.string == user.id.value)
        #expect(root["exp"]?.integer == fixture.clock.now.seconds + 30 * 86_400)
        let next = try await fixture.refresh(tokens.refresh, client).member("refresh_token")
        #expect(try await introspect(tokens.refresh, fixture, as: client).json()["active"]?.boolean == true)
        fixture.clock.advance(by: .seconds(120))
        #expect(await introspect(tokens.refresh, fixture, as: client).text == #"{"active":false}"#)
        let successor = try #require(next)
        #expect(try await introspect(successor, fixture, as: client).json()["active"]?.boolean == true)
    }

    @Test("T10: a foreign token is as unknown as no token; a resource server that was named may see it")
    func foreignToken() async throws {
        let fixture = try await Fixture()
        let owner = try await fixture.registerClient(method: "client_secret_post")
        let other = try await fixture.registerClient(method: "client_secret_post")
        let user = try await fixture.addUser()
        let tokens = try await fixture.tokens(owner, user: user)
        let noise = ["x", "", tokens.access + "A", String(tokens.access.dropLast()), tokens.code, "a.b.c"]
        for token in [tokens.access, tokens.refresh] + noise.filter({ !$0.isEmpty }) {
            let answer = await introspect(token, fixture, as: other)
            #expect(answer.status == 200 && answer.text == #"{"active":false}"#, "\(token)")
        }
        #expect(await introspect("", fixture, as: other).status == 400)
        let privileged = try await Fixture(sharing: fixture) { $0.introspectionClients = [ClientID(other.id)] }
        #expect(try await introspect(tokens.access, privileged, as: other).json()["active"]?.boolean == true)
        #expect(try await introspect(tokens.access, privileged, as: owner).json()["active"]?.boolean == true)
    }

    @Test("T04, T10: to a resource server a refresh token is none, whoever may ask about everything")
    func refreshTokenAtResource() async throws {
        let fixture = try await Fixture()
        let owner = try await fixture.registerClient(method: "client_secret_post")
        let server = try await fixture.registerClient(method: "client_secret_post")
        let tokens = try await fixture.tokens(owner, user: try await fixture.addUser())
        let privileged = try await Fixture(sharing: fixture) { $0.introspectionClients = [ClientID(server.id)] }
        #expect(await introspect(tokens.refresh, privileged, as: server).text == #"{"active":false}"#)
        #expect(try await introspect(tokens.refresh, privileged, as: owner).json()["active"]?.boolean == true)
    }

    @Test("T08, T10: what was revoked, has expired or belongs to a closed account is not active")
    func ended() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        let user = try await fixture.addUser()
        let expired = try await fixture.tokens(client, user: user)
        fixture.clock.advance(by: .seconds(900))
        #expect(await introspect(expired.access, fixture, as: client).text == #"{"active":false}"#)
        let revoked = try await fixture.tokens(client, user: user)
        // Another process revokes: the store knows, this process has not read it yet.
        let grant = try #require(try await fixture.store.grants(of: user.id, at: fixture.clock.now).first)
        _ = try await fixture.store.revoke(grant.id, reason: .userRequest, at: fixture.clock.now)
        for token in [revoked.access, revoked.refresh] {
            #expect(await introspect(token, fixture, as: client).text == #"{"active":false}"#)
        }
        let closed = try await fixture.tokens(client, user: user)
        try await fixture.users.disable("alice")
        for token in [closed.access, closed.refresh] {
            #expect(await introspect(token, fixture, as: client).text == #"{"active":false}"#)
        }
    }

    @Test("A12: after a revocation that raced with refreshes no token that was seen is active")
    func revokeRacesRefresh() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_post")
        let secret = try #require(client.secret)
        let user = try await fixture.addUser()
        for round in 0..<20 {
            let tokens = try await fixture.tokens(client, user: user)
            let seen = await withTaskGroup(of: [String].self) { group in
                for _ in 0..<9 {
                    group.addTask {
                        let answer = await fixture.refresh(tokens.refresh, client)
                        return [try? answer.member("access_token"), try? answer.member("refresh_token")]
                            .compactMap { $0 }
                    }
                }
                group.addTask {
                    let answer = await fixture.send(
                        .post, "/revoke",
                        form: [
                            ("token", round % 2 == 0 ? tokens.refresh : tokens.access), ("client_id", client.id),
                            ("client_secret", secret),
                        ])
                    return answer.status == 200 ? [] : ["revocation failed: \(answer.status)"]
                }
                return await group.reduce(into: [tokens.access, tokens.refresh]) { $0 += $1 }
            }
            for token in seen {
                #expect(await introspect(token, fixture, as: client).text == #"{"active":false}"#, "\(token)")
            }
        }
    }

    /// A server of ours, and a resource behind another proxy.
    private struct MixedResources: ProtectedResourceDirectory {
        let all = [
            ProtectedResource(path: "/a/mcp", name: "a", scopes: ["a:read"]),
            ProtectedResource(origin: "https://files.test", path: "/mcp", name: "files", scopes: ["files"]),
        ]
        func resource(atPath path: String) -> ProtectedResource? { path == "/a/mcp" ? all[0] : nil }
    }

    @Test("RFC 7662 §2.2: an API key is described by the resources that it opens, here and elsewhere")
    func keyAudience() async throws {
        let fixture = try await Fixture(resources: MixedResources())
        let server = try await fixture.registerClient(method: "client_secret_post")
        _ = try await fixture.addUser()
        let privileged = try await Fixture(sharing: fixture, resources: MixedResources()) {
            $0.introspectionClients = [ClientID(server.id)]
        }
        let keys = APIKeyAdministration(
            store: fixture.store, directory: MixedResources(), clock: fixture.clock.wallClock, audit: fixture.audit)
        func audience(_ resources: [String]) async throws -> [String] {
            let text = try await keys.create(
                .init(user: "alice", name: "k", resources: resources, scope: nil, lifetime: .seconds(60))
            ).text
            let claim = try #require(try await introspect(text, privileged, as: server).json()["aud"])
            return claim.string.map { [$0] } ?? claim.elements.compactMap(\.string)
        }
        #expect(try await audience(["files"]) == ["https://files.test/mcp"])
        #expect(try await audience(["a"]) == ["http://localhost:8080/a/mcp"])
        #expect(try await audience([]) == ["http://localhost:8080/a/mcp", "https://files.test/mcp"])
    }
}
