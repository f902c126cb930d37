import Foundation
import HTTP
import JSON
import OAuth
import Storage
import Telemetry
import TestSupport
import Testing

@testable import AuthorizationServer

/// Terminals that sign in by a browser elsewhere (RFC 8628).
@Suite struct DeviceTests {
    static let grantType = "urn:ietf:params:oauth:grant-type:device_code"

    /// A device client, and a user with a browser.
    struct Bench {
        let fixture: Fixture
        let client: String
        let browser: TestBrowser
        let user: UserRecord

        init(signedIn: Bool = true, configure: (inout AuthorizationServerConfiguration) -> Void = { _ in }) async throws
        {
            fixture = try await Fixture(configure: configure)
            client = try await DeviceTests.register(fixture)
            user = try await fixture.addUser()
            browser = TestBrowser(fixture)
            if signedIn { try await fixture.signIn(browser, as: user) }
        }

        func begin(_ adding: [(String, String)] = [("resource", "http://localhost:8080/a/mcp")]) async -> Answer {
            await fixture.send(.post, "/device_authorization", form: [("client_id", client)] + adding)
        }

        func poll(_ code: String, as id: String? = nil, adding: [(String, String)] = [], proof: String? = nil) async
            -> Answer
        {
            await fixture.send(
                .post, "/token", fields: proof.map { [("DPoP", $0)] } ?? [],
                form: [("grant_type", DeviceTests.grantType), ("device_code", code), ("client_id", id ?? client)]
                    + adding)
        }

        /// What a poll says: an error, or "ok".
        func word(_ code: String) async throws -> String {
            fixture.clock.advance(by: .seconds(20))
            let answer = await poll(code)
            return answer.status == 200 ? "ok" : try answer.member("error") ?? ""
        }

        /// Types a user code; the answer is the page that follows.
        func type(_ code: String, in browser: TestBrowser? = nil) async -> Answer {
            let browser = browser ?? self.browser
            var form = await browser.get("/device").form()
            form["user_code"] = code
            return await browser.follow(await browser.post("/device", form))
        }
    }

    static func register(_ fixture: Fixture) async throws -> String {
        let answer = await fixture.send(
            .post, "/register", fields: [("Content-Type", "application/json")],
            body: """
                {"client_name":"Terminal","token_endpoint_auth_method":"none","grant_types":["\(grantType)"]}
                """)
        try #require(answer.status == 201, "\(answer.text)")
        #expect(try answer.json()["grant_types"]?.elements.compactMap(\.string) == ["refresh_token", grantType])
        return try #require(try answer.member("client_id"))
    }

    @Test("RFC 8628: from the code on the terminal to its tokens")
    func happy() async throws {
        let bench = try await Bench()
        let begun = await bench.begin()
        #expect(begun.status == 200, "\(begun.text)")
        #expect(begun.header("cache-control") == "no-store")
        let device = try #require(try begun.member("device_code"))
        let code = try #require(try begun.member("user_code"))
        #expect(code.wholeMatch(of: /[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}/) != nil)
        #expect(try begun.member("verification_uri") == "http://localhost:8080/device")
        #expect(try begun.member("verification_uri_complete") == "http://localhost:8080/device?user_code=" + code)
        #expect(try begun.json()["interval"]?.integer == 5 && begun.json()["expires_in"]?.integer == 600)
        let waiting = await bench.poll(device)
        #expect(waiting.status == 400)
        #expect(try waiting.member("error") == "authorization_pending")

        let filled = await bench.browser.get("/device?user_code=" + code.lowercased())
        #expect(filled.form()["user_code"] == code)
        let page = await bench.type(code.lowercased().replacingOccurrences(of: "-", with: " "))
        #expect(page.status == 200)
        #expect(page.text.contains(code) && page.text.contains("Terminal") && page.text.contains("Server A"))
        let done = await bench.browser.post("/consent", page.form(decision: "allow"))
        #expect(done.status == 200 && done.location == nil)
        #expect(done.text.contains("signed in on your device"))
        bench.fixture.clock.advance(by: .seconds(5))
        let tokens = await bench.poll(device)
        #expect(tokens.status == 200, "\(tokens.text)")
        try await bench.fixture.service.prepare()
        #expect(await bench.fixture.accepts(try #require(try tokens.member("access_token"))))
        let refresh = try #require(try tokens.member("refresh_token"))
        let client = Fixture.TestClient(id: bench.client, secret: nil, redirect: "")
        #expect(await bench.fixture.refresh(refresh, client).status == 200)
    }

    @Test("A06: a device code that is presented again ends its grant")
    func reuse() async throws {
        let bench = try await Bench()
        let begun = await bench.begin()
        let device = try #require(try begun.member("device_code"))
        let page = await bench.type(try #require(try begun.member("user_code")))
        _ = await bench.browser.post("/consent", page.form(decision: "allow"))
        let token = try #require(try await bench.poll(device).member("access_token"))
        #expect(await bench.fixture.accepts(token))
        #expect(try await bench.poll(device).member("error") == "invalid_grant")
        #expect(await !bench.fixture.accepts(token))
    }

    @Test("RFC 8628 §3.5: slow_down, expired_token and access_denied")
    func outcomes() async throws {
        let bench = try await Bench()
        func begin() async throws -> (device: String, code: String) {
            let answer = await bench.begin()
            return (try #require(try answer.member("device_code")), try #require(try answer.member("user_code")))
        }
        let hasty = try await begin()
        #expect(try await bench.poll(hasty.device).member("error") == "authorization_pending")
        #expect(try await bench.poll(hasty.device).member("error") == "slow_down")
        bench.fixture.clock.advance(by: .seconds(9))
        #expect(try await bench.poll(hasty.device).member("error") == "slow_down", "five seconds more")
        let denied = try await begin()
        let page = await bench.type(denied.code)
        let answer = await bench.browser.post("/consent", page.form(decision: "deny"))
        #expect(answer.status == 200 && answer.location == nil)
        #expect(try await bench.word(denied.device) == "access_denied")
        let late = try await begin()
        bench.fixture.clock.advance(by: .seconds(600))
        #expect(try await bench.word(late.device) == "expired_token")
        #expect(await bench.type(late.code).status == 400)
        #expect(try await bench.word("sp_device_nothing") == "invalid_grant")
        let other = try await Self.register(bench.fixture)
        let mine = try await begin()
        #expect(try await bench.poll(mine.device, as: other).member("error") == "invalid_grant", "A08")
    }

    @Test("U02: the device page and its decision take our own forms, from the browser that began")
    func forms() async throws {
        let bench = try await Bench()
        let code = try #require(try await bench.begin().member("user_code"))
        let form = await bench.browser.get("/device").form()
        func with(_ changes: [String: String]) -> [String: String] {
            form.merging(["user_code": code]) { $1 }.merging(changes) { $1 }
        }
        #expect(await bench.browser.post("/device", with(["form_token": "x"])).status == 403)
        #expect(await bench.browser.post("/device", with([:]), from: "https://evil.test").status == 403)
        let stranger = TestBrowser(bench.fixture)
        #expect(await stranger.post("/device", with([:])).status == 403)
        #expect(await bench.browser.get("/device?user_code=" + code).location == nil, "a link decides nothing")
        let page = await bench.type(code)
        #expect(await stranger.post("/consent", page.form(decision: "allow")).status == 403)
        let wrong = page.form(decision: "allow").merging(["form_token": "x"]) { $1 }
        #expect(await bench.browser.post("/consent", wrong).status == 403)
        for header in ["content-security-policy", "x-frame-options"] as [HTTPFieldName] {
            #expect(await bench.browser.get("/device").header(header) != nil, "U01")
        }
    }

    @Test("RFC 8628 §5.1: wrong codes are limited, and a right one beyond the limit is not taken")
    func guesses() async throws {
        let bench = try await Bench()
        let code = try #require(try await bench.begin().member("user_code"))
        for _ in 0..<10 { #expect(await bench.type("BBBB-BBBB").status == 400) }
        let limited = await bench.type(code)
        #expect(limited.status == 429 && limited.header("retry-after") != nil)
        bench.fixture.clock.advance(by: .seconds(60))
        #expect(await bench.type(code).status == 200)
    }

    @Test("U04: a device is asked about every time, and nobody who is not signed in decides")
    func asked() async throws {
        let bench = try await Bench()
        for _ in 0..<2 {
            let begun = await bench.begin()
            let page = await bench.type(try #require(try begun.member("user_code")))
            #expect(page.form(decision: "allow")["decision"] == "allow", "asked again")
            #expect(page.text.contains("Look at the device"))
            _ = await bench.browser.post("/consent", page.form(decision: "allow"))
        }
        let stranger = TestBrowser(bench.fixture)
        let code = try #require(try await bench.begin().member("user_code"))
        let page = await bench.type(code, in: stranger)
        #expect(page.text.contains("Sign in") && page.form(decision: "allow").isEmpty)
        let twice = await bench.type(code)
        _ = await bench.browser.post("/consent", twice.form(decision: "allow"))
        #expect(await bench.type(code).status == 400, "a code that was decided is over")
    }

    @Test("A13: a device gets what it asked for and was allowed: no other resource, no other scope")
    func limits() async throws {
        let bench = try await Bench()
        for (form, error) in [
            ([("resource", "https://evil.test/mcp")], "invalid_target"), ([("resource", "/a/mcp")], "invalid_target"),
            ([("resource", "http://localhost:8080/a/mcp"), ("scope", "b:read")], "invalid_scope"),
        ] {
            #expect(try await bench.begin(form).member("error") == error)
        }
        let begun = await bench.begin()
        let page = await bench.type(try #require(try begun.member("user_code")))
        _ = await bench.browser.post("/consent", page.form(decision: "allow"))
        let device = try #require(try begun.member("device_code"))
        let wider = await bench.poll(device, adding: [("resource", "http://localhost:8080/b/mcp")])
        #expect(try wider.member("error") == "invalid_target")
        #expect(try await bench.fixture.store.grants(of: bench.user.id, at: bench.fixture.clock.now).isEmpty)
        let web = try await bench.fixture.registerClient()
        let other = await bench.fixture.send(.post, "/device_authorization", form: [("client_id", web.id)])
        #expect(try other.member("error") == "unauthorized_client")
    }

    @Test("T10: a device that proves a key gets bound tokens")
    func bound() async throws {
        let bench = try await Bench()
        let prover = try KeyProver()
        let begun = await bench.begin()
        let page = await bench.type(try #require(try begun.member("user_code")))
        _ = await bench.browser.post("/consent", page.form(decision: "allow"))
        let proof = try prover.proof("POST", DPoPTests.token, at: bench.fixture.clock.now)
        let answer = await bench.poll(try #require(try begun.member("device_code")), proof: proof)
        #expect(try answer.member("token_type") == "DPoP")
        let grants = try await bench.fixture.store.grants(of: bench.user.id, at: bench.fixture.clock.now)
        #expect(grants.map(\.keyThumbprint) == [prover.thumbprint])
    }

    @Test("T08: a user who is disabled after the yes leaves the device with nothing")
    func disabled() async throws {
        let bench = try await Bench()
        let begun = await bench.begin()
        let page = await bench.type(try #require(try begun.member("user_code")))
        _ = await bench.browser.post("/consent", page.form(decision: "allow"))
        try await bench.fixture.users.disable("alice")
        #expect(try await bench.word(try #require(try begun.member("device_code"))) == "access_denied")
    }

    @Test("switched off, the device grant is neither offered nor there")
    func off() async throws {
        let fixture = try await Fixture { $0.grants.devices.isEnabled = false }
        let metadata = await fixture.send(.get, "/.well-known/oauth-authorization-server")
        #expect(try metadata.json()["device_authorization_endpoint"] == nil)
        #expect(!metadata.text.contains("device_code"))
        #expect(await fixture.send(.get, "/device").status == 404)
        #expect(await fixture.send(.post, "/device_authorization", form: [("client_id", "x")]).status == 404)
        let registration = { (grants: String) in
            #"{"client_name":"T","token_endpoint_auth_method":"none","redirect_uris":["http://127.0.0.1/cb"],"#
                + #""grant_types":[\#(grants)]}"#
        }
        let json = [("Content-Type", "application/json")]
        let refused = await fixture.send(
            .post, "/register", fields: json, body: registration("\"\(Self.grantType)\""))
        #expect(refused.status == 400)
        #expect(try refused.member("error") == "invalid_client_metadata")
        #expect(try refused.member("error_description")?.contains("device grant is switched off") == true)
        let both = await fixture.send(
            .post, "/register", fields: json, body: registration("\"authorization_code\",\"\(Self.grantType)\""))
        #expect(both.status == 201)
        let registered = try both.json()["grant_types"]?.elements.compactMap(\.string)
        #expect(registered == ["authorization_code", "refresh_token"])
        let poll = await fixture.send(
            .post, "/token",
            form: [
                ("grant_type", Self.grantType), ("device_code", "x"), ("client_id", try both.member("client_id") ?? ""),
            ])
        #expect(try poll.member("error") == "unsupported_grant_type")
        let on = try await Fixture()
        let offered = await on.send(.get, "/.well-known/oauth-authorization-server")
        #expect(try offered.member("device_authorization_endpoint") == "http://localhost:8080/device_authorization")
    }

    @Test("what people type for a code, and what is none")
    func typing() {
        for text in ["BCDF-GHJK", "bcdfghjk", " BCDF GHJK ", "b-c-d-f-g-h-j-k"] {
            #expect(UserCode(typed: text)?.text == "BCDF-GHJK", "\(text)")
        }
        for text in [
            "", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ1", "BCDF–GHJK", String(repeating: "B", count: 90),
        ] {
            #expect(UserCode(typed: text) == nil, "\(text)")
        }
        var seen: Set<String> = []
        for _ in 0..<1000 { seen.insert(UserCode.make().text) }
        #expect(seen.count == 1000)
    }

    @Test("A10: a repeated device_code is invalid_request and uses nothing up")
    func repeatedCode() async throws {
        let bench = try await Bench()
        let begun = await bench.begin()
        let code = try #require(try begun.member("device_code"))
        let answer = await bench.poll(code, adding: [("device_code", "other")])
        #expect(try answer.member("error") == "invalid_request")
        #expect(try await bench.word(code) == "authorization_pending")
    }
}
