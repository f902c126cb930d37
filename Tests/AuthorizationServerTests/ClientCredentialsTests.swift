import AuthorizationServer
import Crypto
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Service accounts.
@Suite struct ClientCredentialsTests {
    static let a = "http://localhost:8080/a/mcp"
    static let b = "http://localhost:8080/b/mcp"

    /// A client of the configuration.
    static func client(
        _ id: String = "robot", grantTypes: String = "client_credentials", method: String = "client_secret_basic",
        scope: String? = nil, resources: [String]? = nil
    ) throws -> RegisteredClient {
        let scope = scope.map { #","scope":"\#($0)""# } ?? ""
        let metadata = try ClientMetadata(
            parsing: JSONDocument(
                parsing: Array(
                    """
                    {"client_name":"Night Robot","grant_types":["\(grantTypes)"],"redirect_uris":["\(Fixture.redirect)"],
                    "token_endpoint_auth_method":"\(method)"\(scope)}
                    """.utf8)))
        return RegisteredClient(
            configured: ClientID(id), metadata: metadata, secret: method == "none" ? nil : "robot's secret",
            isFirstParty: false, allowedResources: resources)
    }

    static func ask(
        _ fixture: Fixture, _ form: [(String, String)] = [("resource", a)], id: String = "robot",
        secret: String? = "robot's secret"
    ) async -> Answer {
        let credentials = secret.map { [("client_secret", $0)] } ?? []
        return await fixture.send(
            .post, "/token",
            form: [("grant_type", "client_credentials"), ("client_id", id)] + credentials + form)
    }

    private static func claims(_ answer: Answer) throws -> JSONNode {
        let token = try #require(try answer.member("access_token"), "\(answer.text)")
        let payload = try #require(Base64URL.decode(Array(token.utf8.split(separator: UInt8(ascii: "."))[1])))
        return try JSONDocument(parsing: payload).root
    }

    @Test("a23, RFC 9068 §2.2: a service account gets a token of its own, for one resource, and no refresh token")
    func issued() async throws {
        let client = try Self.client()
        let fixture = try await Fixture { $0.clients = [client] }
        let answer = await Self.ask(fixture)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.header("cache-control") == "no-store")
        #expect(try answer.json()["refresh_token"] == nil)
        #expect(try answer.member("token_type") == "Bearer")
        #expect(try answer.member("scope") == "a:read a:write")
        let claims = try Self.claims(answer)
        #expect(claims["sub"]?.string == "client:robot")
        #expect(claims["client_id"]?.string == "robot")
        #expect(claims["aud"]?.string == Self.a)
        let token = try #require(try answer.member("access_token"))
        #expect(await fixture.accepts(token))
        #expect(await !fixture.accepts(token, resource: Self.b))
    }

    @Test("RFC 9068 §5: no user's identifier can be that of a service account")
    func namespaces() async throws {
        let client = try Self.client()
        let fixture = try await Fixture { $0.clients = [client] }
        for name in ["alice", "bob"] {
            #expect(try await !fixture.addUser(name).id.isServiceAccount)
        }
        let account = UserID(serviceAccount: ClientID("robot"))
        #expect(account.isServiceAccount)
        #expect(try await fixture.store.user(account) == nil)
        await #expect(throws: UserAdministration.Refusal.badName) {
            _ = try await fixture.users.addWithLink(name: "client:robot", lifetime: .seconds(60))
        }
    }

    @Test("A13: a service account has one resource, one of its own, and no more scope than it may have")
    func limits() async throws {
        let limited = try Self.client("limited", scope: "a:read", resources: ["/a/mcp"])
        let free = try Self.client("free")
        let fixture = try await Fixture { $0.clients = [limited, free] }
        func error(_ id: String, _ form: [(String, String)]) async throws -> String? {
            let answer = await Self.ask(fixture, form, id: id)
            return answer.status == 200 ? nil : try answer.member("error")
        }
        #expect(try await error("limited", []) == nil, "there is only one for it")
        #expect(try await error("limited", [("resource", Self.a)]) == nil)
        #expect(try await error("limited", [("resource", Self.b)]) == "invalid_target")
        #expect(try await error("free", []) == "invalid_target", "there are two")
        #expect(try await error("free", [("resource", Self.a), ("resource", Self.b)]) == "invalid_target")
        #expect(try await error("free", [("resource", Self.a), ("resource", Self.a)]) == "invalid_target")
        #expect(try await error("free", [("resource", "/a/mcp")]) == "invalid_target")
        #expect(try await error("free", [("resource", Self.a + "#x")]) == "invalid_target")
        #expect(try await error("free", [("resource", "https://evil.test/a/mcp")]) == "invalid_target")
        #expect(try await error("limited", [("scope", "a:read")]) == nil)
        #expect(try await error("limited", [("scope", "a:write")]) == "invalid_scope")
        #expect(try await error("free", [("resource", Self.a), ("scope", "b:read")]) == "invalid_scope")
        #expect(try Self.claims(await Self.ask(fixture, [], id: "limited"))["scope"]?.string == "a:read")
    }

    @Test("A09: a client that is public, not allowed to, or not authenticated cannot act for itself")
    func refusals() async throws {
        let clients = try [
            Self.client("public", method: "none"), Self.client("web", grantTypes: "authorization_code"), Self.client(),
        ]
        let fixture = try await Fixture { $0.clients = clients }
        let open = await Self.ask(fixture, id: "public", secret: nil)
        #expect(try open.member("error") == "unauthorized_client")
        #expect(try await Self.ask(fixture, id: "web").member("error") == "unauthorized_client")
        let wrong = await Self.ask(fixture, secret: "guess")
        #expect(wrong.status == 401)
        #expect(try wrong.member("error") == "invalid_client")
        #expect(await Self.ask(fixture, secret: nil).status == 401)
        let registered = try await fixture.registerClient(method: "client_secret_post")
        let own = await Self.ask(fixture, id: registered.id, secret: registered.secret)
        #expect(try own.member("error") == "unauthorized_client", "nobody vouched for who registered itself")
    }

    @Test("T08: a service account's token is revoked by itself, and the next one works")
    func revoked() async throws {
        let client = try Self.client()
        let fixture = try await Fixture { $0.clients = [client] }
        let first = try #require(try await Self.ask(fixture).member("access_token"))
        let second = try #require(try await Self.ask(fixture).member("access_token"))
        let answer = await fixture.send(
            .post, "/revoke",
            form: [("token", first), ("client_id", "robot"), ("client_secret", "robot's secret")])
        #expect(answer.status == 200)
        #expect(await !fixture.accepts(first))
        #expect(await fixture.accepts(second))
        #expect(fixture.audit.actions.filter { $0 == .tokenIssued }.count == 2)
    }
}
