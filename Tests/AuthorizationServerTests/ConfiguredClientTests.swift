import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Testing

/// Clients of the configuration.
@Suite struct ConfiguredClientTests {
    static func client(
        _ metadata: String = "{\"redirect_uris\":[\"http://127.0.0.1:7777/callback\"],\"scope\":\"a:read b:read\"}",
        id: String = "corp", secret: String? = "a secret of the operator", resources: [String]? = ["/a/mcp"]
    ) throws -> RegisteredClient {
        RegisteredClient(
            configured: ClientID(id),
            metadata: try ClientMetadata(parsing: JSONDocument(parsing: Array(metadata.utf8))), secret: secret,
            isFirstParty: true, allowedResources: resources)
    }

    @Test("a11: a client of the configuration gets in without registering, and only with its secret")
    func login() async throws {
        let configured = try ConfiguredClientTests.client(
            "{\"redirect_uris\":[\"\(Fixture.redirect)\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"]}")
        let fixture = try await Fixture { $0.clients = [configured] }
        let client = Fixture.TestClient(id: "corp", secret: "a secret of the operator", redirect: Fixture.redirect)
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        #expect(await fixture.accepts(tokens.access))
        #expect(await fixture.refresh(tokens.refresh, client).status == 200)
        for secret in [nil, "", "wrong"] {
            let answer = await fixture.refresh(tokens.refresh, client, changing: ["client_secret": secret])
            #expect(try answer.member("error") == "invalid_client")
        }
        #expect(await fixture.send(.get, "/register/corp", fields: [("Authorization", "Bearer x")]).status == 401)
    }

    @Test("A13: its scopes and resources are bounds")
    func bounds() async throws {
        let configured = try ConfiguredClientTests.client()
        let fixture = try await Fixture { $0.clients = [configured] }
        let client = Fixture.TestClient(id: "corp", secret: "a secret of the operator", redirect: Fixture.redirect)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, client, changing: ["resource": nil])
        let tokens = await fixture.redeem(code, client)
        #expect(try tokens.member("scope") == "a:read", "what it may, and nothing of the other server")
        func error(_ changes: [String: String?]) async -> String? {
            await browser.get(fixture.authorizeTarget(client, changing: changes)).locationParameters["error"]
        }
        #expect(await error(["resource": "http://localhost:8080/b/mcp"]) == "invalid_target")
        #expect(await error(["scope": "a:write"]) == "invalid_scope")
        #expect(await error(["scope": "claudeai"]) == "invalid_scope")
    }

    @Test("RFC 7591 §2: a grant type that the client does not have is unauthorized_client")
    func grantTypes() async throws {
        let configured = try ConfiguredClientTests.client("{\"redirect_uris\":[\"\(Fixture.redirect)\"]}")
        let fixture = try await Fixture { $0.clients = [configured] }
        let client = Fixture.TestClient(id: "corp", secret: "a secret of the operator", redirect: Fixture.redirect)
        let refused = await fixture.refresh("x", client)
        #expect(refused.status == 400)
        #expect(try refused.member("error") == "unauthorized_client")
    }

    @Test("scopes that a client announced and nobody offers are passed over; others are refused")
    func announcedScopes() async throws {
        let fixture = try await Fixture()
        let user = try await fixture.addUser()
        let registered = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"none","scope":"claudeai read"}
                """)
        let client = Fixture.TestClient(
            id: try #require(try registered.member("client_id")), secret: nil, redirect: Fixture.redirect)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        for (asked, given) in [
            ("claudeai", "a:read a:write"), ("read claudeai offline_access", "a:read a:write offline_access"),
            ("claudeai a:read", "a:read"),
        ] {
            let code = try await fixture.code(browser, client, changing: ["scope": asked])
            #expect(try await fixture.redeem(code, client).member("scope") == given)
        }
        let unknown = await browser.get(fixture.authorizeTarget(client, changing: ["scope": "a:read admin"]))
        #expect(unknown.locationParameters["error"] == "invalid_scope")
    }

    @Test("A13: what the operator takes from a client is gone from its grants at the next refresh")
    func narrowedLater() async throws {
        let text = #"{"redirect_uris":["\#(Fixture.redirect)"],"grant_types":["authorization_code","refresh_token"],"#
        func configured(_ scope: String, _ resources: [String]) throws -> RegisteredClient {
            try Self.client(text + #""scope":"\#(scope)"}"#, resources: resources)
        }
        let wide = try configured("a:read a:write b:read", ["/a/mcp", "/b/mcp"])
        let first = try await Fixture { $0.clients = [wide] }
        let client = Fixture.TestClient(id: "corp", secret: "a secret of the operator", redirect: Fixture.redirect)
        let browser = TestBrowser(first)
        try await first.signIn(browser, as: try await first.addUser())
        let code = try await first.code(browser, client, changing: ["resource": nil])
        let granted = try #require(try await first.redeem(code, client).member("refresh_token"))
        let narrow = try configured("a:read", ["/a/mcp"])
        let second = try await Fixture(sharing: first) { $0.clients = [narrow] }
        let refused = await second.refresh(granted, client, changing: ["resource": "http://localhost:8080/b/mcp"])
        #expect(try refused.member("error") == "invalid_target")
        let answer = await second.refresh(granted, client)
        #expect(try answer.member("scope") == "a:read")
        let access = try #require(try answer.member("access_token"))
        #expect(await second.accepts(access))
        #expect(await !second.accepts(access, resource: "http://localhost:8080/b/mcp"))
        let none = try configured("a:read", [])
        let third = try await Fixture(sharing: first) { $0.clients = [none] }
        let next = try #require(try answer.member("refresh_token"))
        #expect(try await third.refresh(next, client).member("error") == "invalid_target")
    }
}
