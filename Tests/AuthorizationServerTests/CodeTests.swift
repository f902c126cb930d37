import AuthorizationServer
import Crypto
import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import Testing

/// Redemption of codes.
@Suite struct CodeTests {
    @Test("A05: wrong verifiers are invalid_grant, and the fifth burns the code")
    func wrongVerifiers() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let wrong = String(repeating: "w", count: 43)

        let code = try await fixture.code(browser, client)
        for _ in 0..<4 {
            let answer = await fixture.redeem(code, client, changing: ["code_verifier": wrong])
            #expect(try answer.member("error") == "invalid_grant")
        }
        #expect(await fixture.redeem(code, client).status == 200)

        let burnt = try await fixture.code(browser, client)
        for _ in 0..<5 { _ = await fixture.redeem(burnt, client, changing: ["code_verifier": wrong]) }
        #expect(try await fixture.redeem(burnt, client).member("error") == "invalid_grant")
    }

    @Test(
        "A05: a verifier outside 43 to 128 unreserved characters is invalid_request",
        arguments: [
            nil, String(repeating: "a", count: 42), String(repeating: "a", count: 129),
            String(repeating: "ä", count: 43), String(repeating: "a", count: 42) + "+",
            String(repeating: "a", count: 42) + "=", String(repeating: "a", count: 42) + " ",
        ]
            as [String?])
    func malformedVerifier(verifier: String?) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, client)
        let answer = await fixture.redeem(code, client, changing: ["code_verifier": verifier])
        #expect(answer.status == 400)
        let error = try answer.member("error")
        #expect(error == (verifier == nil ? "invalid_grant" : "invalid_request"))
        #expect(answer.header("cache-control") == "no-store")
        #expect(await fixture.redeem(code, client).status == 200, "it cost no attempt")
    }

    @Test("A06: a valid replay is invalid_grant and kills every token of the code")
    func replay() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        #expect(await fixture.accepts(tokens.access))
        #expect(try await fixture.redeem(tokens.code, client).member("error") == "invalid_grant")
        #expect(await !fixture.accepts(tokens.access))
        #expect(try await fixture.refresh(tokens.refresh, client).member("error") == "invalid_grant")
        #expect(fixture.audit.actions.contains(.codeReplayed))
    }

    @Test("A06: a replay with a wrong verifier or client harms nothing")
    func wrongReplay() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let other = try await fixture.registerClient()
        let tokens = try await fixture.tokens(client, user: try await fixture.addUser())
        let wrong = String(repeating: "w", count: 43)
        for answer in [
            await fixture.redeem(tokens.code, client, changing: ["code_verifier": wrong]),
            await fixture.redeem(tokens.code, other),
        ] {
            #expect(try answer.member("error") == "invalid_grant")
        }
        #expect(await fixture.accepts(tokens.access))
        #expect(await fixture.refresh(tokens.refresh, client).status == 200)
    }

    @Test("A06: a code is good for 60 seconds, and a late replay is still recognised")
    func lateCode() async throws {
        let fixture = try await Fixture { $0.codeLifetime = .seconds(3600) }
        let client = try await fixture.registerClient()
        let user = try await fixture.addUser()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: user)
        let code = try await fixture.code(browser, client)
        fixture.clock.advance(by: .seconds(61))
        #expect(try await fixture.redeem(code, client).member("error") == "invalid_grant")

        let tokens = try await fixture.tokens(client, user: user)
        fixture.clock.advance(by: .seconds(90))
        #expect(try await fixture.redeem(tokens.code, client).member("error") == "invalid_grant")
        #expect(try await fixture.refresh(tokens.refresh, client).member("error") == "invalid_grant")
    }

    @Test("A07: of 100 parallel redemptions exactly one succeeds")
    func race() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        for _ in 0..<10 {
            let code = try await fixture.code(browser, client)
            let successes = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<100 { group.addTask { await fixture.redeem(code, client).status } }
                var count = 0
                for await status in group where status == 200 { count += 1 }
                return count
            }
            #expect(successes == 1)
        }
    }

    @Test("A08: a code or refresh token of another client is invalid_grant and stays good for its owner")
    func crossClient() async throws {
        let fixture = try await Fixture()
        let owner = try await fixture.registerClient()
        let other = try await fixture.registerClient(method: "client_secret_post")
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, owner)
        #expect(try await fixture.redeem(code, other).member("error") == "invalid_grant")
        let tokens = await fixture.redeem(code, owner)
        let refresh = try #require(try tokens.member("refresh_token"))
        #expect(try await fixture.refresh(refresh, other).member("error") == "invalid_grant")
        #expect(await fixture.refresh(refresh, owner).status == 200)
    }

    @Test("a redirect_uri at /token that differs from the request's is invalid_grant; left out it is fine")
    func redirectAtToken() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, client)
        let other = await fixture.redeem(code, client, changing: ["redirect_uri": "http://127.0.0.1:7778/callback"])
        #expect(try other.member("error") == "invalid_grant")
        #expect(await fixture.redeem(code, client, changing: ["redirect_uri": nil as String?]).status == 200)
    }

    @Test("a14, A13: scope and resource at /token are never wider than granted; aud is the granted resource")
    func narrowing() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let code = try await fixture.code(browser, client, changing: ["scope": "a:read"])
        let b = "http://localhost:8080/b/mcp"
        #expect(try await fixture.redeem(code, client, adding: [("resource", b)]).member("error") == "invalid_target")
        let both = [("resource", "http://localhost:8080/a/mcp"), ("resource", b)]
        #expect(try await fixture.redeem(code, client, adding: both).member("error") == "invalid_target")
        #expect(
            try await fixture.redeem(code, client, adding: [("scope", "a:read a:write")]).member("error")
                == "invalid_scope")
        let tokens = await fixture.redeem(code, client, adding: [("resource", "http://localhost:8080/a/mcp")])
        let access = try #require(try tokens.member("access_token"))
        #expect(await fixture.accepts(access))
        #expect(await !fixture.accepts(access, resource: b))
        let refresh = try #require(try tokens.member("refresh_token"))
        #expect(
            try await fixture.refresh(refresh, client, adding: [("resource", b)]).member("error") == "invalid_target")
        #expect(
            try await fixture.refresh(refresh, client, changing: ["scope": "b:read"]).member("error") == "invalid_scope"
        )
        #expect(await fixture.refresh(refresh, client).status == 200, "refused requests used nothing up")
    }

    @Test(
        "A13: whatever /token is asked for, aud is the granted resource, and a relative or foreign one is invalid_target"
    )
    func audience() async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let browser = TestBrowser(fixture)
        try await fixture.signIn(browser, as: try await fixture.addUser())
        let (a, b) = ("http://localhost:8080/a/mcp", "http://localhost:8080/b/mcp")
        let code = try await fixture.code(browser, client)
        func audience(_ answer: Answer) throws -> String? {
            let token = try #require(try answer.member("access_token"), "\(answer.text)")
            let payload = try #require(Base64URL.decode(Array(token.utf8.split(separator: UInt8(ascii: "."))[1])))
            return try JSONDocument(parsing: payload).root["aud"]?.string
        }
        let refused = [[b], [a, b], [b, a], ["/a/mcp"], [a + "#f"], [a + "/"], ["https://evil.test/a/mcp"]]
        for resources in refused {
            let answer = await fixture.redeem(code, client, adding: resources.map { ("resource", $0) })
            #expect(answer.status == 400 && answer.header("cache-control") == "no-store")
            #expect(try answer.member("error") == "invalid_target", "\(resources)")
        }
        let tokens = await fixture.redeem(code, client)
        #expect(try audience(tokens) == a)
        var refresh = try #require(try tokens.member("refresh_token"))
        for resources in refused {
            let answer = await fixture.refresh(refresh, client, adding: resources.map { ("resource", $0) })
            #expect(try answer.member("error") == "invalid_target", "\(resources)")
        }
        for resources in [[], [a], [a, a]] {
            let answer = await fixture.refresh(refresh, client, adding: resources.map { ("resource", $0) })
            #expect(try audience(answer) == a, "\(resources)")
            refresh = try #require(try answer.member("refresh_token"))
        }
    }

    @Test(
        "A10: a repeated parameter at /token is invalid_request",
        arguments: ["grant_type", "code", "redirect_uri", "client_id", "code_verifier"])
    func repeatedParameter(name: String) async throws {
        let fixture = try await Fixture()
        let client = try await fixture.registerClient()
        let answer = await fixture.redeem("code", client, adding: [(name, "again")])
        #expect(answer.status == 400)
        #expect(try answer.member("error") == "invalid_request")
    }
}
