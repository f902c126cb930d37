import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Telemetry
import TestSupport
import Testing

/// DPoP at the authorization server, with the cases of the FAPI 2 modules by name.
@Suite struct DPoPTests {
    static let token = "http://localhost:8080/token"
    static let par = "http://localhost:8080/par"

    /// A client with its user, browser and key.
    struct Bench {
        let fixture: Fixture
        let client: Fixture.TestClient
        let browser: TestBrowser
        let prover: KeyProver

        init(method: String = "none") async throws {
            fixture = try await Fixture()
            client = try await fixture.registerClient(method: method)
            browser = TestBrowser(fixture)
            try await fixture.signIn(browser, as: try await fixture.addUser())
            prover = try KeyProver()
        }

        var now: Timestamp { fixture.clock.now }

        func post(_ path: String, _ form: [(String, String)], proof: String?) async -> Answer {
            await fixture.send(.post, path, fields: proof.map { [("DPoP", $0)] } ?? [], form: form)
        }

        func redeem(_ code: String, proof: String?) async -> Answer {
            var form = [
                ("grant_type", "authorization_code"), ("code", code), ("client_id", client.id),
                ("code_verifier", Fixture.verifier),
            ]
            if let secret = client.secret { form.append(("client_secret", secret)) }
            return await post("/token", form, proof: proof)
        }

        func refresh(_ token: String, proof: String?) async -> Answer {
            var form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client.id)]
            if let secret = client.secret { form.append(("client_secret", secret)) }
            return await post("/token", form, proof: proof)
        }

        func proof(_ prover: KeyProver? = nil) throws -> String {
            try (prover ?? self.prover).proof("POST", DPoPTests.token, at: now)
        }

        /// A code by way of a pushed request.
        func pushedCode(_ form: [(String, String)], proof: String?) async throws -> String {
            let answer = await post("/par", form, proof: proof)
            let reference = try #require(try answer.member("request_uri"), "\(answer.text)")
            var page = await browser.follow(
                await browser.get(PushedRequestTests.target(reference, client: client.id)))
            if page.status == 200 { page = await browser.post("/consent", page.form(decision: "allow")) }
            return try #require(page.locationParameters["code"], "\(page.text)")
        }
    }

    private static func claims(_ answer: Answer) throws -> JSONNode {
        let token = try #require(try answer.member("access_token"), "\(answer.text)")
        let payload = try #require(Base64URL.decode(Array(token.utf8.split(separator: UInt8(ascii: "."))[1])))
        return try JSONDocument(parsing: payload).root
    }

    @Test("T10: a client that shows a proof gets a bound token, at every grant; one that does not gets a bearer token")
    func bound() async throws {
        let bench = try await Bench()
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let answer = await bench.redeem(code, proof: try bench.proof())
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try answer.member("token_type") == "DPoP")
        #expect(try Self.claims(answer)["cnf"]?["jkt"]?.string == bench.prover.thumbprint)
        let refresh = try #require(try answer.member("refresh_token"))
        let second = await bench.refresh(refresh, proof: try bench.proof())
        #expect(try second.member("token_type") == "DPoP")
        #expect(try Self.claims(second)["cnf"]?["jkt"]?.string == bench.prover.thumbprint)
        let plain = await bench.redeem(try await bench.fixture.code(bench.browser, bench.client), proof: nil)
        #expect(try plain.member("token_type") == "Bearer")
        #expect(try Self.claims(plain)["cnf"] == nil)
        let robot = try ClientCredentialsTests.client()
        let fixture = try await Fixture { $0.clients = [robot] }
        let own = await fixture.send(
            .post, "/token",
            fields: [("DPoP", try bench.prover.proof("POST", Self.token, at: fixture.clock.now))],
            form: [
                ("grant_type", "client_credentials"), ("client_id", "robot"), ("client_secret", "robot's secret"),
                ("resource", ClientCredentialsTests.a),
            ])
        #expect(try own.member("token_type") == "DPoP")
    }

    @Test("T10: a bound access token is refused as a bearer token")
    func boundAsBearer() async throws {
        let bench = try await Bench()
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let token = try #require(try await bench.redeem(code, proof: try bench.proof()).member("access_token"))
        #expect(await !bench.fixture.accepts(token))
        let verifier = JWTAccessTokenVerifier(
            keys: bench.fixture.service.keyring, revocations: bench.fixture.service.revocations,
            clock: bench.fixture.clock.wallClock)
        let a = "http://localhost:8080/a/mcp"
        let issuer = "http://localhost:8080"
        _ = try await verifier.verify(token, boundTo: bench.prover.thumbprint, for: a, issuer: issuer)
        await #expect(throws: AccessTokenRejection(.invalid, detail: "")) {
            _ = try await verifier.verify(token, boundTo: KeyProver().thumbprint, for: a, issuer: issuer)
        }
        let plain = await bench.redeem(try await bench.fixture.code(bench.browser, bench.client), proof: nil)
        let bearer = try #require(try plain.member("access_token"))
        await #expect(throws: AccessTokenRejection(.invalid, detail: "")) {
            _ = try await verifier.verify(bearer, boundTo: bench.prover.thumbprint, for: a, issuer: issuer)
        }
    }

    @Test("T10: the refresh token of a public client is worth nothing without its key, and a wrong key ends nothing")
    func refresh() async throws {
        let bench = try await Bench()
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let first = await bench.redeem(code, proof: try bench.proof())
        let refresh = try #require(try first.member("refresh_token"))
        for proof in [nil, try bench.proof(KeyProver())] {
            let answer = await bench.refresh(refresh, proof: proof)
            #expect(answer.status == 400)
            #expect(try answer.member("error") == (proof == nil ? "invalid_dpop_proof" : "invalid_grant"))
        }
        let second = await bench.refresh(refresh, proof: try bench.proof())
        #expect(second.status == 200, "\(second.text)")
    }

    @Test("A11: the refresh tokens of a bound grant have no grace: the second presentation ends the family")
    func strict() async throws {
        let bench = try await Bench()
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let first = await bench.redeem(code, proof: try bench.proof())
        let refresh = try #require(try first.member("refresh_token"))
        let second = await bench.refresh(refresh, proof: try bench.proof())
        let successor = try #require(try second.member("refresh_token"))
        #expect(try await bench.refresh(refresh, proof: try bench.proof()).member("error") == "invalid_grant")
        #expect(try await bench.refresh(successor, proof: try bench.proof()).member("error") == "invalid_grant")
    }

    @Test("RFC 9449 §5: the refresh token of a client that authenticates is not tied to one key")
    func confidential() async throws {
        let bench = try await Bench(method: "client_secret_post")
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let first = await bench.redeem(code, proof: try bench.proof())
        let refresh = try #require(try first.member("refresh_token"))
        let other = try KeyProver()
        let second = await bench.refresh(refresh, proof: try bench.proof(other))
        #expect(try Self.claims(second)["cnf"]?["jkt"]?.string == other.thumbprint)
    }

    @Test("T10: dpop-negative-tests at the token endpoint; none of them uses the code up")
    func negative() async throws {
        let bench = try await Bench()
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let seconds = bench.now.seconds
        func changed(_ claims: [String: JSONValue?] = [:], header: [String: JSONValue?] = [:]) throws -> String {
            try bench.prover.proof("POST", Self.token, at: bench.now, claims: claims, header: header)
        }
        let proofs = try [
            changed(["htm": "GET"]), changed(["htu": "http://localhost:8080/other"]),
            changed(["htu": .string(Self.par)]),
            changed(["iat": .integer(seconds - 3600)]), changed(["iat": .integer(seconds + 3600)]),
            changed(["jti": nil as JSONValue?]), changed(["htm": nil as JSONValue?]),
            changed(["htu": nil as JSONValue?]), changed(["iat": nil as JSONValue?]), changed(header: ["typ": "JWT"]),
            changed(header: ["alg": "none"]), changed(header: ["jwk": nil as JSONValue?]), changed() + "x", "x", "",
        ]
        for proof in proofs {
            let answer = await bench.redeem(code, proof: proof)
            #expect(answer.status == 400)
            #expect(try answer.member("error") == "invalid_dpop_proof", "\(answer.text)")
        }
        let double = await bench.fixture.send(
            .post, "/token", fields: [("DPoP", try bench.proof()), ("DPoP", try bench.proof())],
            form: [("grant_type", "authorization_code"), ("code", code), ("client_id", bench.client.id)])
        #expect(try double.member("error") == "invalid_dpop_proof")
        #expect(await bench.redeem(code, proof: try bench.proof()).status == 200)
    }

    @Test("T10: a proof is good for one request, of a hundred at once too")
    func replay() async throws {
        let bench = try await Bench()
        let code = try await bench.fixture.code(bench.browser, bench.client)
        let proof = try bench.proof()
        let first = await bench.redeem(code, proof: proof)
        #expect(first.status == 200)
        let refresh = try #require(try first.member("refresh_token"))
        let again = await bench.refresh(refresh, proof: proof)
        #expect(try again.member("error") == "invalid_dpop_proof")
        let raced = try bench.proof()
        let fixture = bench.fixture
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", bench.client.id)]
        let answers = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    await fixture.send(.post, "/token", fields: [("DPoP", raced)], form: form).status
                }
            }
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(answers.filter { $0 == 200 }.count == 1)
        #expect(answers.filter { $0 == 400 }.count == 99)
    }

    @Test("T10: check-dpop-proof-nbf-exp and ensure-dpopproof-with-iat-10seconds-before and -after-succeeds")
    func times() async throws {
        let bench = try await Bench()
        let seconds = bench.now.seconds
        for claims in [
            ["nbf": .integer(seconds), "exp": .integer(seconds + 300)], ["iat": .integer(seconds - 10)],
            ["iat": .integer(seconds + 10)],
        ] as [[String: JSONValue?]] {
            let code = try await bench.fixture.code(bench.browser, bench.client)
            let proof = try bench.prover.proof("POST", Self.token, at: bench.now, claims: claims)
            #expect(await bench.redeem(code, proof: proof).status == 200, "\(claims)")
        }
    }

    @Test("T10: ensure-mismatched-dpop-jkt-fails")
    func mismatchAtPush() async throws {
        let bench = try await Bench()
        let proof = try bench.prover.proof("POST", Self.par, at: bench.now)
        let form = PushedRequestTests.form(bench.client, changing: ["dpop_jkt": try KeyProver().thumbprint])
        let answer = await bench.post("/par", form, proof: proof)
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_dpop_proof")
        let broken = await bench.post(
            "/par", PushedRequestTests.form(bench.client, changing: ["dpop_jkt": "short"]), proof: nil)
        #expect(try broken.member("error") == "invalid_request")
        let twice = await bench.post(
            "/par", PushedRequestTests.form(bench.client), proof: try bench.proof())
        #expect(try twice.member("error") == "invalid_dpop_proof", "a proof for another endpoint")
    }

    @Test("T10: ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt and -dpop-jkt; the code stays good")
    func mismatchAtToken() async throws {
        let bench = try await Bench()
        let byProof = try await bench.pushedCode(
            PushedRequestTests.form(bench.client), proof: try bench.prover.proof("POST", Self.par, at: bench.now))
        let byName = try await bench.pushedCode(
            PushedRequestTests.form(bench.client, changing: ["dpop_jkt": bench.prover.thumbprint]), proof: nil)
        for code in [byProof, byName] {
            for proof in [nil, try bench.proof(KeyProver())] {
                let answer = await bench.redeem(code, proof: proof)
                #expect(answer.status == 400)
                #expect(try answer.member("error") == (proof == nil ? "invalid_dpop_proof" : "invalid_grant"))
            }
        }
        for code in [byProof, byName] { #expect(await bench.redeem(code, proof: try bench.proof()).status == 200) }
    }

    @Test("T10: ensure-dpopproof-at-par-endpoint-binding-success and ensure-dpop-auth-code-binding-success")
    func binding() async throws {
        let bench = try await Bench()
        let both = try await bench.pushedCode(
            PushedRequestTests.form(bench.client, changing: ["dpop_jkt": bench.prover.thumbprint]),
            proof: try bench.prover.proof("POST", Self.par, at: bench.now))
        let plain = try await bench.fixture.code(
            bench.browser, bench.client, changing: ["dpop_jkt": bench.prover.thumbprint])
        for code in [both, plain] {
            let answer = await bench.redeem(code, proof: try bench.proof())
            #expect(try answer.member("token_type") == "DPoP")
        }
    }

    @Test("RFC 9449 §5.2: ensure-holder-of-key-required for a client that registered for bound tokens only")
    func required() async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"redirect_uris":["\(Fixture.redirect)"],"token_endpoint_auth_method":"none",
                "dpop_bound_access_tokens":true}
                """)
        #expect(try answer.json()["dpop_bound_access_tokens"]?.boolean == true)
        let client = Fixture.TestClient(
            id: try #require(try answer.member("client_id")), secret: nil, redirect: Fixture.redirect)
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, client)
        let bare = await fixture.redeem(code, client)
        #expect(try bare.member("error") == "invalid_dpop_proof")
        let bad = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: #"{"redirect_uris":["http://127.0.0.1/cb"],"dpop_bound_access_tokens":"yes"}"#)
        #expect(try bad.member("error") == "invalid_client_metadata")
    }

    @Test("RFC 9449 §5.1: the metadata name the algorithms of proofs")
    func metadata() async throws {
        let fixture = try await Fixture()
        let answer = await fixture.send(.get, "/.well-known/oauth-authorization-server")
        let algorithms = try answer.json()["dpop_signing_alg_values_supported"]?.elements.compactMap(\.string)
        #expect(algorithms == ["RS256", "ES256", "EdDSA"])
        let preflight = await fixture.send(.options, "/token", fields: [("Origin", "https://app.test")])
        #expect(preflight.header("access-control-allow-headers")?.contains("DPoP") == true)
    }
}
