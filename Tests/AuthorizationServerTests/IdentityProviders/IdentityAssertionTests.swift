import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import TestSupport
import Testing

/// ID-JAGs that must not be taken, and the one that must.
@Suite("Identity assertions", .timeLimit(.minutes(1))) struct IdentityAssertionTests {
    @Test("ID-JAG: one becomes a token for its user at one resource, without a refresh token")
    func taken() async throws {
        let setting = try await AssertionSetting()
        let answer = await setting.exchange(setting.standIn.assertion())
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.header("cache-control") == "no-store")
        #expect(try answer.json()["refresh_token"] == nil)
        #expect(try answer.member("token_type") == "Bearer")
        #expect(try answer.member("scope") == "a:read a:write")
        let claims = try AssertionSetting.claims(answer)
        let user = try #require(try await setting.fixture.store.users().first)
        #expect(user.name == "corp:alice@corp.test" && user.email == "alice@corp.test")
        #expect(claims["sub"]?.string == user.id.value && claims["client_id"]?.string == "agent")
        #expect(claims["aud"]?.string == AssertionSetting.a && claims["iss"]?.string == "http://localhost:8080")
        let token = try #require(try answer.member("access_token"))
        #expect(await setting.fixture.accepts(token))
        #expect(await !setting.fixture.accepts(token, resource: AssertionSetting.b))
        #expect(setting.fixture.audit.actions == [.tokenIssued])
        let array = await setting.exchange(setting.standIn.assertion(claims: ["aud": ["http://localhost:8080"]]))
        #expect(array.status == 200, "\(array.text)")
        await setting.stop()
    }

    @Test("ID-JAG: off by default, and metadata and registration say so")
    func off() async throws {
        let client = try ClientCredentialsTests.client("agent", grantTypes: AssertionSetting.grant)
        let fixture = try await Fixture { $0.clients = [client] }
        let answer = await fixture.send(
            .post, "/token",
            form: [
                ("grant_type", AssertionSetting.grant), ("assertion", "x"), ("client_id", "agent"),
                ("client_secret", "robot's secret"),
            ])
        #expect(try answer.member("error") == "unsupported_grant_type")
        let metadata = try await fixture.send(.get, "/.well-known/oauth-authorization-server").json()
        #expect(metadata["authorization_grant_profiles_supported"] == nil)
        #expect(metadata["grant_types_supported"]?.elements.contains { $0.string == AssertionSetting.grant } == false)
        #expect(await Self.register(fixture, "client_secret_basic").status == 400)
        let setting = try await AssertionSetting()
        let on = try await setting.fixture.send(.get, "/.well-known/oauth-authorization-server").json()
        #expect(
            on["authorization_grant_profiles_supported"]?.elements.compactMap(\.string)
                == ["urn:ietf:params:oauth:grant-profile:id-jag"])
        #expect(on["grant_types_supported"]?.elements.contains { $0.string == AssertionSetting.grant } == true)
        #expect(!on.serializedText.contains(setting.standIn.issuer), "whose are taken is nobody's business (8.4)")
        await setting.stop()
    }

    private static func register(_ fixture: Fixture, _ method: String, _ more: String = "") async -> Answer {
        await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"grant_types":["\(AssertionSetting.grant)"\(more)],"token_endpoint_auth_method":"\(method)",
                "redirect_uris":["\(Fixture.redirect)"]}
                """)
    }

    @Test("A14, ID-JAG: clients that authenticate may register the grant and keep it; public ones do not get it")
    func registration() async throws {
        let setting = try await AssertionSetting(clients: nil)
        let answer = await Self.register(setting.fixture, "client_secret_post")
        #expect(answer.status == 201, "\(answer.text)")
        #expect(try answer.json()["grant_types"]?.elements.compactMap(\.string) == [AssertionSetting.grant])
        let id = try #require(try answer.member("client_id"))
        let secret = try #require(try answer.member("client_secret"))
        let token = await setting.exchange(setting.standIn.assertion(to: id), as: id, secret: secret)
        #expect(token.status == 200, "\(token.text)")
        let management = [
            ("Authorization", "Bearer \(try answer.member("registration_access_token") ?? "")"),
            ("Content-Type", "application/json"),
        ]
        let renamed = await setting.fixture.send(
            .put, "/register/\(id)", fields: management, body: #"{"client_name":"Renamed"}"#)
        #expect(try renamed.json()["grant_types"]?.elements.compactMap(\.string) == [AssertionSetting.grant])
        #expect(await Self.register(setting.fixture, "none").status == 400)
        let open = await Self.register(setting.fixture, "none", #","authorization_code""#)
        #expect(
            try open.json()["grant_types"]?.elements.compactMap(\.string) == ["authorization_code", "refresh_token"])
        await setting.stop()
    }

    @Test("A09, ID-JAG: only a client that may and that proves who it is can show one")
    func clients() async throws {
        let setting = try await AssertionSetting()
        let open = await setting.exchange(setting.standIn.assertion(to: "public"), as: "public", secret: nil)
        #expect(try open.member("error") == "unauthorized_client", "\(open.text)")
        let web = await setting.exchange(setting.standIn.assertion(to: "web"), as: "web")
        #expect(try web.member("error") == "unauthorized_client")
        let wrong = await setting.exchange(setting.standIn.assertion(), secret: "guess")
        #expect(try wrong.member("error") == "invalid_client" && wrong.status == 401)
        #expect(await setting.exchange(setting.standIn.assertion(), secret: nil).status == 401)
        let missing = await setting.exchange("")
        #expect(try missing.member("error") == "invalid_request")
        let twice = await setting.exchange(setting.standIn.assertion(), adding: [("assertion", "x")])
        #expect(try twice.member("error") == "invalid_request", "A10")
        #expect(try await setting.fixture.store.users().isEmpty)
        await setting.stop()
    }

    @Test("A08, ID-JAG: an assertion is good for the client that it names, and for clients that its issuer may serve")
    func otherClient() async throws {
        let setting = try await AssertionSetting()
        let foreign = setting.standIn.assertion(to: "other")
        #expect(try await setting.exchange(foreign).member("error") == "invalid_grant")
        #expect(await setting.exchange(foreign, as: "other").status == 200, "the wrong client used nothing up")
        let stranger = await setting.exchange(setting.standIn.assertion(to: "stranger"), as: "stranger")
        let unknown = await setting.exchange(setting.standIn.assertion(claims: ["iss": "https://unknown.test"]))
        #expect(try stranger.member("error") == "invalid_grant")
        #expect(stranger.text == unknown.text, "it does not learn that others have this issuer")
        await setting.stop()
    }

    @Test("T01, T02, T04, ID-JAG: typ, algorithm, signature and key")
    func signatures() async throws {
        let setting = try await AssertionSetting()
        let headers: [[String: JSONValue?]] = [
            ["typ": nil], ["typ": "JWT"], ["typ": "at+jwt"], ["typ": "client-authentication+jwt"], ["typ": 1],
            ["alg": "none"], ["alg": "None"], ["alg": "HS256"], ["alg": "RS256"], ["alg": "ES384"], ["alg": nil],
            ["kid": "another"], ["kid": 7], ["crit": ["exp"]], ["b64": false], ["zip": "DEF"],
        ]
        for header in headers {
            #expect(try await setting.refusal(header: header) == "invalid_grant", "\(header)")
        }
        #expect(try await setting.refusal(header: ["typ": "application/OAUTH-ID-JAG+JWT"]) == nil, "RFC 7515 §4.1.9")
        #expect(try await setting.refusal(header: ["kid": nil]) == nil, "there is one key")
        let good = setting.standIn.assertion()
        for text in ["x", "a.b.c", good + ".", String(good.dropLast(4)), good + "=", " " + good, "\(good).\(good)"] {
            let answer = await setting.exchange(text)
            #expect(try answer.member("error") == "invalid_grant", "\(text)")
        }
        setting.standIn.script { $0.breaksSignature = true }
        #expect(try await setting.refusal() == "invalid_grant")
        await setting.stop()
        let several = try await AssertionSetting()
        several.standIn.script { $0.surplusKeys = 1 }
        #expect(try await several.refusal(header: ["kid": nil]) == "invalid_grant", "any of two keys might be meant")
        #expect(try await several.refusal() == nil)
        await several.stop()
    }

    /// Claims that break a good assertion, by what is wrong with them.
    static let wrongClaims: [(String, [String: JSONValue?])] = {
        let now = ManualClock().now.seconds
        let us: JSONValue = "http://localhost:8080"
        return [
            ("no iss", ["iss": nil]), ("foreign iss", ["iss": "https://evil.test"]), ("iss a list", ["iss": ["x"]]),
            ("no aud", ["aud": nil]), ("foreign aud", ["aud": "https://other.test"]),
            ("aud with a slash", ["aud": "http://localhost:8080/"]),
            ("aud of the endpoint", ["aud": "http://localhost:8080/token"]),
            ("aud of the resource", ["aud": "http://localhost:8080/a/mcp"]),
            ("us among others", ["aud": [us, "https://other.test"]]), ("us twice", ["aud": [us, us]]),
            ("no entry", ["aud": []]), ("aud in another case", ["aud": "HTTP://LOCALHOST:8080"]),
            ("no sub", ["sub": nil]), ("empty sub", ["sub": ""]), ("sub a number", ["sub": 7]),
            ("long sub", ["sub": .string(String(repeating: "x", count: 256))]),
            ("no client_id", ["client_id": nil]), ("client_id a list", ["client_id": ["agent"]]),
            ("no exp", ["exp": nil]), ("exp over", ["exp": .integer(now)]), ("exp a text", ["exp": "9999999999"]),
            ("exp far", ["exp": .integer(now + 3601)]), ("exp absurd", ["exp": .integer(9_000_000_000_000)]),
            ("exp negative", ["exp": -1]),
            ("no iat", ["iat": nil]), ("iat ahead", ["iat": .integer(now + 61)]), ("iat a text", ["iat": "1"]),
            ("iat long ago", ["iat": .integer(now - 3400)]), ("nbf ahead", ["nbf": .integer(now + 61)]),
            ("nbf a text", ["nbf": "now"]),
            ("no jti", ["jti": nil]), ("empty jti", ["jti": ""]), ("jti a number", ["jti": 1]),
            ("long jti", ["jti": .string(String(repeating: "x", count: 257))]),
            ("no resource", ["resource": nil]), ("no resource in the list", ["resource": []]),
            ("resource a number", ["resource": 1]),
            ("empty resource", ["resource": ["http://localhost:8080/a/mcp", ""]]),
            ("many resources", ["resource": .array((0...20).map { .string("https://r\($0).test") })]),
            ("scope a list", ["scope": ["a:read"]]), ("scope with two blanks", ["scope": "a:read  a:write"]),
            ("empty scope", ["scope": ""]),
            ("a tenant", ["tenant": "t1"]), ("details", ["authorization_details": []]),
            ("another confirmation", ["cnf": ["x5t#S256": "x"]]),
            ("two confirmations", ["cnf": ["jkt": "x", "kid": "y"]]),
            ("cnf a text", ["cnf": "x"]), ("empty jkt", ["cnf": ["jkt": ""]]),
        ]
    }()

    @Test("T05, ID-JAG: wrong, missing or absurd claims are invalid_grant, and no account is made")
    func claims() async throws {
        let setting = try await AssertionSetting()
        for (name, change) in Self.wrongClaims {
            #expect(try await setting.refusal(change) == "invalid_grant", "\(name)")
        }
        #expect(try await setting.fixture.store.users().isEmpty)
        #expect(setting.fixture.audit.actions.allSatisfy { $0 == .loginFailed })
        #expect(setting.fixture.audit.actions.count == Self.wrongClaims.count)
        let now = setting.clock.now.seconds
        for change in [
            ["iat": .integer(now + 60)], ["nbf": .integer(now + 60)], ["exp": .integer(now + 3600)],
            ["iat": .integer(now - 3300)], ["exp": .integer(now + 1)],
        ] as [[String: JSONValue?]] {
            #expect(try await setting.refusal(change) == nil, "\(change)")
        }
        await setting.stop()
    }

    @Test("T07, ID-JAG: a claim that is there twice is refused")
    func duplicates() async throws {
        let setting = try await AssertionSetting()
        func error(_ member: String) async throws -> String? {
            let parts = setting.standIn.assertion().split(separator: ".")
            let payload = try #require(Base64URL.decode(Array(parts[1].utf8)))
            let longer = Array("{\(member),".utf8) + payload.dropFirst()
            return try await setting.exchange(setting.standIn.assertion(saying: longer)).member("error")
        }
        #expect(try await error(#""extra":"admin""#) == nil, "the bytes are signed")
        #expect(try await error(#""sub":"admin""#) == "invalid_grant")
        #expect(try await error(#""\u0073ub":"admin""#) == "invalid_grant")
        await setting.stop()
    }

    @Test("ID-JAG: where the issuer serves several tenants, one of them counts")
    func tenants() async throws {
        let setting = try await AssertionSetting(tenant: "t1")
        #expect(try await setting.refusal(["tenant": "t1"]) == nil)
        for tenant in [nil, "t2", "T1", 1, ["t1"]] as [JSONValue?] {
            #expect(try await setting.refusal(["tenant": tenant]) == "invalid_grant")
        }
        await setting.stop()
    }

    @Test("T10, ID-JAG: of 20 racing presentations one is served, and an hour later it is still used up")
    func replay() async throws {
        let setting = try await AssertionSetting()
        let second = try await AssertionSetting(sharing: setting)
        let assertion = setting.standIn.assertion(claims: ["exp": .integer(setting.clock.now.seconds + 3600)])
        let statuses = await withTaskGroup(of: Int.self) { group in
            for number in 0..<20 {
                group.addTask { await (number % 2 == 0 ? setting : second).exchange(assertion).status }
            }
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 200 }.count == 1, "\(statuses)")
        #expect(statuses.filter { $0 == 400 }.count == 19)
        setting.clock.advance(by: .seconds(3599))
        let late = await setting.exchange(assertion)
        #expect(try late.member("error") == "invalid_grant")
        #expect(try late.member("error_description")?.contains("used before") == true)
        setting.clock.advance(by: .seconds(1))
        #expect(try await setting.exchange(assertion).member("error_description")?.contains("expired") == true)
        #expect(setting.fixture.audit.actions.contains(.codeReplayed))
        let sameName = ["jti": "one"] as [String: JSONValue?]
        #expect(try await setting.refusal(sameName) == nil)
        #expect(try await setting.refusal(sameName) == "invalid_grant", "another assertion of the same name")
        await setting.stop()
    }

    @Test("T10, ID-JAG: one that is bound to a key needs a proof of that key, and the token is bound to it")
    func bound() async throws {
        let setting = try await AssertionSetting()
        let prover = try KeyProver()
        func proof(_ prover: KeyProver) throws -> String {
            try prover.proof("POST", DPoPTests.token, at: setting.clock.now)
        }
        let assertion = setting.standIn.assertion(claims: ["cnf": ["jkt": .string(prover.thumbprint)]])
        #expect(try await setting.exchange(assertion).member("error") == "invalid_grant")
        let other = await setting.exchange(assertion, proof: try proof(KeyProver()))
        #expect(try other.member("error") == "invalid_grant")
        let answer = await setting.exchange(assertion, proof: try proof(prover))
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try answer.member("token_type") == "DPoP")
        #expect(try AssertionSetting.claims(answer)["cnf"]?["jkt"]?.string == prover.thumbprint)
        let free = await setting.exchange(setting.standIn.assertion(), proof: try proof(prover))
        #expect(try free.member("token_type") == "DPoP", "a proof binds the token of any assertion")
        await setting.stop()
    }

    @Test("T03, ID-JAG: made-up key ids cost the provider one question, and a new key is found")
    func keys() async throws {
        let setting = try await AssertionSetting()
        #expect(try await setting.refusal() == nil)
        for number in 0..<50 {
            #expect(try await setting.refusal(header: ["kid": .string("made-up-\(number)")]) == "invalid_grant")
        }
        #expect(setting.standIn.log.filter { $0.hasSuffix("/jwks") }.count <= 2)
        await setting.stop()
    }

    @Test("F14, ID-JAG: while the provider is down known keys count, and without any it is 503")
    func down() async throws {
        let setting = try await AssertionSetting()
        let fresh = try await AssertionSetting(sharing: setting)
        #expect(try await setting.refusal() == nil)
        await setting.stop()
        #expect(try await setting.refusal() == nil)
        let answer = await fresh.exchange(setting.standIn.assertion())
        #expect(answer.status == 503)
        #expect(try answer.member("error") == "temporarily_unavailable")
        #expect(!answer.text.contains("127.0.0.1"), "what went wrong is in the log")
    }
}

extension JSONNode {
    /// The document's text.
    fileprivate var serializedText: String { String(decoding: JSONValue(self).serialized(), as: UTF8.self) }
}
