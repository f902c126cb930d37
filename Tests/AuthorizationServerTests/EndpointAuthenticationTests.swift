import AuthorizationServer
import Crypto
import Foundation
import HTTP
import OAuth
import Telemetry
import Testing

/// Every endpoint that a client calls for itself asks in the same way who it is.
@Suite struct EndpointAuthenticationTests {
    static let paths = ["/token", "/revoke", "/introspect", "/par", "/device_authorization"]

    /// What would get an answer from any of them, were it not for the credential.
    static let form = [
        ("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x"), ("response_type", "code"),
        ("redirect_uri", Fixture.redirect), ("code_challenge", Fixture.challenge()), ("code_challenge_method", "S256"),
        ("resource", "http://localhost:8080/a/mcp"),
    ]

    private func basic(_ client: String, _ secret: String) -> [(String, String)] {
        [("Authorization", "Basic " + Base64.encode(Array("\(client):\(secret)".utf8)))]
    }

    /// Whether the answer is one of a client that was believed.
    private func isBelieved(_ answer: Answer, at path: String) throws -> Bool {
        switch path {
        case "/token": try answer.member("error") == "invalid_grant"
        case "/device_authorization": try answer.member("error") == "unauthorized_client"
        default: (200...201).contains(answer.status)
        }
    }

    @Test("A09: no secret, a wrong one, one in the query: 401; Basic is answered with its challenge", arguments: paths)
    func secrets(path: String) async throws {
        let fixture = try await Fixture()
        for method in ["client_secret_basic", "client_secret_post"] {
            let client = try await fixture.registerClient(method: method)
            let secret = try #require(client.secret)
            let named = Self.form + [("client_id", client.id)]
            let refused = [
                await fixture.send(.post, path, form: named),
                await fixture.send(.post, path, form: named + [("client_secret", "")]),
                await fixture.send(.post, path, form: named + [("client_secret", secret + "x")]),
                await fixture.send(.post, path, form: named + [("client_secret", String(secret.dropLast()))]),
                await fixture.send(.post, path + "?client_secret=\(secret)", form: named),
                await fixture.send(
                    .post, path + "?" + Fixture.encode([("client_id", client.id), ("client_secret", secret)]),
                    form: Self.form),
                await fixture.send(.post, path, form: Self.form),
            ]
            for (index, answer) in refused.enumerated() {
                #expect(answer.status == 401, "\(method) \(index)")
                #expect(try answer.member("error") == "invalid_client", "\(method) \(index)")
                #expect(answer.header("cache-control") == "no-store")
            }
            for fields in [
                basic(client.id, "wrong"), basic("nobody", secret), basic(client.id, ""),
                [("Authorization", "Basic !")], [("Authorization", "Basic")],
            ] {
                let answer = await fixture.send(.post, path, fields: fields, form: Self.form)
                #expect(answer.status == 401, "\(fields)")
                #expect(try answer.member("error") == "invalid_client", "\(fields)")
                #expect(answer.header("www-authenticate")?.hasPrefix("Basic ") == true, "\(fields)")
            }
            let right = [
                await fixture.send(.post, path, form: named + [("client_secret", secret)]),
                await fixture.send(.post, path, fields: basic(client.id, secret), form: Self.form),
            ]
            for answer in right { #expect(try isBelieved(answer, at: path), "\(answer.status) \(answer.text)") }
        }
    }

    @Test("A09: two ways to authenticate are invalid_request, both right or not", arguments: paths)
    func twoWays(path: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient(method: "client_secret_basic")
        let secret = try #require(client.secret)
        let signer = try await AssertingClient.register(fixture)
        func assertion(_ id: String) throws -> [(String, String)] {
            let text = try signer.assertion(id: id, at: fixture.clock.now)
            return [("client_assertion_type", ClientAssertion.type), ("client_assertion", text)]
        }
        let header = basic(client.id, secret)
        let doubled = [
            await fixture.send(.post, path, fields: header, form: Self.form + [("client_secret", secret)]),
            await fixture.send(.post, path, fields: header, form: Self.form + [("client_secret", "wrong")]),
            await fixture.send(.post, path, fields: header, form: Self.form + (try assertion("1"))),
            await fixture.send(.post, path, form: Self.form + (try assertion("2")) + [("client_secret", secret)]),
            await fixture.send(.post, path, fields: header + header, form: Self.form),
            await fixture.send(.post, path, fields: header, form: Self.form + [("client_id", signer.id)]),
        ]
        for (index, answer) in doubled.enumerated() {
            #expect(answer.status == 400, "\(index)")
            #expect(try answer.member("error") == "invalid_request", "\(index)")
        }
        #expect(
            try isBelieved(await fixture.send(.post, path, form: Self.form + (try assertion("2"))), at: path), "unspent"
        )
    }

    @Test(
        "T10: an assertion for another audience, too old or too long, or seen at another endpoint: 401",
        arguments: paths)
    func assertions(path: String) async throws {
        let fixture = try await Fixture()
        let client = try await AssertingClient.register(fixture)
        let now = fixture.clock.now
        func post(_ assertion: String, to path: String = path) async -> Answer {
            await fixture.send(
                .post, path,
                form: Self.form + [
                    ("client_assertion_type", ClientAssertion.type), ("client_assertion", assertion),
                ])
        }
        let spent = try client.assertion(id: "spent", at: now)
        #expect(await post(spent, to: path == "/revoke" ? "/introspect" : "/revoke").status == 200)
        for refused in [
            spent, try client.assertion(id: "1", audience: "http://localhost:8080" + path, at: now),
            try client.assertion(id: "2", audience: "http://localhost:8080/", at: now),
            try client.assertion(id: "3", audience: "https://other.test", at: now),
            try client.assertion(id: "4", at: now - .seconds(60)),
            try client.assertion(id: "5", at: now + .seconds(301)), try client.assertion(id: "6", at: now) + "A",
        ] {
            let answer = await post(refused)
            #expect(answer.status == 401)
            #expect(try answer.member("error") == "invalid_client")
        }
        #expect(try isBelieved(await post(try client.assertion(id: "7", at: now)), at: path))
    }

    @Test(
        "A10: each known parameter twice is invalid_request",
        arguments: [
            ("/token", "grant_type"), ("/token", "code"), ("/token", "redirect_uri"), ("/token", "client_id"),
            ("/token", "client_secret"), ("/token", "code_verifier"), ("/token", "refresh_token"), ("/token", "scope"),
            ("/token", "client_assertion"), ("/token", "client_assertion_type"), ("/token", "device_code"),
            ("/token", "assertion"), ("/revoke", "token"), ("/revoke", "token_type_hint"), ("/introspect", "token"),
            ("/introspect", "client_id"), ("/par", "redirect_uri"), ("/par", "state"), ("/par", "response_type"),
            ("/par", "code_challenge"), ("/par", "code_challenge_method"), ("/par", "scope"), ("/par", "dpop_jkt"),
            ("/device_authorization", "client_id"), ("/device_authorization", "scope"),
        ])
    func twice(path: String, name: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let others = (Self.form + [("client_id", client.id)]).filter { $0.0 != name }
        let value = (Self.form + [("client_id", client.id)]).first { $0.0 == name }?.1 ?? "v"
        let answer = await fixture.send(.post, path, form: others + [(name, value), (name, value)])
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_request", "\(answer.text)")
        #expect(answer.header("cache-control") == "no-store")
    }

    @Test("A10: at /token a query counts for nothing, an unknown parameter neither, and empty is absent")
    func ignored() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        let mixed = await fixture.send(
            .post, "/token?grant_type=refresh_token&refresh_token=" + tokens.refresh, form: [("client_id", client.id)])
        #expect(try mixed.member("error") == "invalid_request")
        let beside = await fixture.send(
            .post, "/token?grant_type=authorization_code&client_id=nobody&scope=x",
            form: [
                ("grant_type", "refresh_token"), ("refresh_token", tokens.refresh), ("client_id", client.id),
                ("scope", ""), ("resource", ""), ("client_secret", ""), ("unheard_of", "1"), ("unheard_of", "2"),
            ])
        #expect(beside.status == 200, "\(beside.text)")
        let empty = await fixture.send(
            .post, "/token", form: [("grant_type", ""), ("refresh_token", "x"), ("client_id", client.id)])
        #expect(try empty.member("error") == "invalid_request")
    }
}
