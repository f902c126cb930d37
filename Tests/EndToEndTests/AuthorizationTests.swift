import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The authorization server, from outside.
    @Suite("Authorization server")
    struct Authorization {
        @Test("A01: any byte that differs from the registered redirect URI is refused on our own page")
        func redirectMutants() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let registered = "https://app.test/cb?x=1"
            let answer = try await onThread { try walk.registerAnswer(["redirect_uris": [registered]]) }
            let client = try #require(answer.object["client_id"] as? String, "\(answer.text)")
            let good = try await gateway.request(
                "GET", walk.authorizationURL(client: client, ["redirect_uri": registered]))
            #expect(good.status < 400, "the registered one is served: \(good.status)")
            let mutants = [
                "https://app.test/CB?x=1", "https://APP.test/cb?x=1", "HTTPS://app.test/cb?x=1",
                "https://app.test/cb/?x=1",
                "https://app.test/cb?x=1&y=2", "https://app.test/cb?x=2", "https://app.test/cb",
                "https://app.test/%63b?x=1",
                "https://u@app.test/cb?x=1", "https://app.test@@evil.test/cb?x=1",
                "https://app.test\\@evil.test/cb?x=1",
                "https://app.test/a/../cb?x=1", "https://app.test/a/..;/cb?x=1", "https://app.test/cb?x=1#f",
                "https://app.test/cb?x=1%00", "https://app.test:443/cb?x=1", "https://app.test./cb?x=1",
                "https://\u{430}pp.test/cb?x=1", " https://app.test/cb?x=1", "https://app.test/cb?x=1\t",
                "http://app.test/cb?x=1", "https://app.test.evil.test/cb?x=1", "https:/app.test/cb?x=1",
                "//app.test/cb?x=1", "javascript:alert(1)",
            ]
            for mutant in mutants {
                let url = walk.authorizationURL(client: client, ["redirect_uri": mutant])
                let refused = try await gateway.request("GET", url)
                #expect(refused.status == 400, "\(mutant): \(refused.status)")
                #expect(refused.header("location") == nil, "\(mutant)")
            }
        }

        @Test("a13, A02: of a loopback redirect URI the port alone may vary")
        func loopbackPort() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let answer = try await onThread { try walk.registerAnswer(["redirect_uris": ["http://127.0.0.1/cb"]]) }
            let client = try #require(answer.object["client_id"] as? String)
            let cases = [
                ("http://127.0.0.1:49152/cb", true), ("http://127.0.0.1/cb?x=1", false), ("http://127.0.0.2/cb", false),
                ("http://0.0.0.0/cb", false), ("http://localhost/cb", false), ("http://127.1/cb", false),
                ("https://127.0.0.1/cb", false), ("http://127.0.0.1:49152/cb/", false),
            ]
            for (uri, accepted) in cases {
                let url = walk.authorizationURL(client: client, ["redirect_uri": uri])
                let status = try await gateway.request("GET", url).status
                #expect((status < 400) == accepted, "\(uri): \(status)")
            }
        }

        @Test("A03, A04, A10: before anyone logged in, an error never redirects to the client's host")
        func noOpenRedirector() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let evil = "https://evil.test/cb"
            let answer = try await onThread { try walk.registerAnswer(["redirect_uris": [evil]]) }
            let client = try #require(answer.object["client_id"] as? String)
            let changes: [[String: String]] = [
                ["response_type": "token"], ["prompt": "none"], ["code_challenge": ""],
                ["code_challenge_method": "plain"], ["code_challenge_method": ""],
                ["resource": "https://elsewhere.test/mcp"],
            ]
            for change in changes {
                let url = walk.authorizationURL(client: client, change.merging(["redirect_uri": evil]) { $1 })
                let refused = try await gateway.request("GET", url)
                #expect(refused.header("location")?.contains("evil.test") != true, "\(change)")
            }
        }

        @Test("A05, A06, A08: a code wants its verifier and its client, works once, and its replay ends its tokens")
        func codeRules() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let (client, other) = (
                try await onThread { try walk.register() }, try await onThread { try walk.register() }
            )
            let code = try await onThread { try walk.authorize(client: client) }
            let wrong = String(repeating: "a", count: 43)
            let answers = try await onThread {
                [
                    try walk.redeem(code: code, client: client, verifier: wrong),
                    try walk.redeem(code: code, client: other),
                    try walk.redeem(code: code, client: client, verifier: "short"),
                ]
            }
            #expect(
                answers.map { $0.object["error"] as? String } == ["invalid_grant", "invalid_grant", "invalid_request"])
            #expect(answers.allSatisfy { $0.status == 400 && $0.header("cache-control")?.contains("no-store") == true })
            let good = try await onThread { try walk.redeem(code: code, client: client) }
            let pair = try OAuthWalk.pair(in: good)
            #expect(try await Self.accepts(pair.access, gateway))
            let replayWrong = try await onThread { try walk.redeem(code: code, client: client, verifier: wrong) }
            #expect(replayWrong.object["error"] as? String == "invalid_grant")
            #expect(try await Self.accepts(pair.access, gateway), "a replay with a wrong verifier ends nothing")
            let replay = try await onThread { try walk.redeem(code: code, client: client) }
            #expect(replay.object["error"] as? String == "invalid_grant")
            try await eventuallyTrue("T08: the tokens are dead", within: .seconds(1)) {
                try await !Self.accepts(pair.access, gateway)
            }
        }

        /// Whether the token opens the demo server.
        static func accepts(_ token: String, _ gateway: GatewayProcess) async throws -> Bool {
            let fields = [
                "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
            ]
            let answer = try await gateway.request("POST", "/demo/mcp", fields, body: PlainMCP.request("ping", id: 1))
            return answer.status != 401
        }

        @Test("A07: of 100 parallel redemptions of one code exactly one succeeds")
        func codeRace() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let client = try await onThread { try walk.register() }
            let code = try await onThread { try walk.authorize(client: client) }
            let successes = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<100 {
                    group.addTask { try await onThread { try walk.redeem(code: code, client: client).status } }
                }
                return try await group.reduce(0) { $0 + ($1 == 200 ? 1 : 0) }
            }
            #expect(successes == 1)
        }

        @Test("A10: a repeated parameter is refused, an unknown one ignored")
        func parameterPollution() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let client = try await onThread { try walk.register() }
            let base = walk.authorizationURL(client: client)
            let doubled = try await gateway.request("GET", base + "&client_id=\(client)")
            #expect(doubled.status == 400 && doubled.header("location") == nil)
            let unknown = try await gateway.request("GET", base + "&unheard_of=1")
            #expect(unknown.status < 400)
            let body = "grant_type=refresh_token&grant_type=refresh_token&refresh_token=x&client_id=\(client)"
            let token = try await gateway.request(
                "POST", "/token", ["Content-Type": "application/x-www-form-urlencoded"], body: body)
            #expect(token.object["error"] as? String == "invalid_request", "\(token.text)")
        }

        @Test("A13, R02: a token for one server opens no other, and a refresh does not widen it")
        func audience() async throws {
            let gateway = try await EndToEnd.gateway(EndToEnd.hostile())
            let walk = EndToEnd.walk(gateway, to: "/bad/mcp")
            let (client, pair) = try await onThread { try walk.logIn() }
            #expect(try await !Self.accepts(pair.access, gateway), "a token for /bad/mcp opened /demo/mcp")
            let widened = try await onThread {
                try walk.token([
                    "grant_type": "refresh_token", "refresh_token": pair.refresh, "client_id": client,
                    "resource": walk.origin + "/demo/mcp",
                ])
            }
            #expect(widened.object["error"] as? String == "invalid_target", "\(widened.text)")
        }

        @Test("A18, U05: redirects after POST are 303; no referrer, no store, iss in the answer; cookies are closed")
        func walkHeaders() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let client = try await onThread { try walk.register() }
            let port = gateway.port
            let (hops, end) = try await onThread {
                let browser = PlainBrowser(port: port)
                let end = try browser.walk(
                    walk.authorizationURL(client: client), to: OAuthWalk.redirectURI, as: EndToEnd.user,
                    EndToEnd.password)
                return (browser.hops, end)
            }
            #expect(FormEncoding.query(of: end)["iss"] == gateway.origin)
            #expect(FormEncoding.query(of: end)["state"] == "st-1")
            for (request, response) in hops {
                #expect(response.header("referrer-policy") == "no-referrer", "\(request)")
                #expect(response.header("cache-control")?.contains("no-store") == true, "\(request)")
                #expect(response.header("access-control-allow-origin") == nil, "\(request)")
                if request.hasPrefix("POST"), response.header("location") != nil { #expect(response.status == 303) }
                if response.status == 200 {
                    let policy = response.header("content-security-policy") ?? ""
                    #expect(
                        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                        "U01: \(request)")
                    #expect(response.header("x-frame-options")?.uppercased() == "DENY", "U01: \(request)")
                    #expect(!response.text.contains("<script"), "works without JavaScript")
                }
                for cookie in response.values("set-cookie") {
                    #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=") && cookie.contains("Path=/"))
                }
            }
            let code = try #require(FormEncoding.query(of: end)["code"])
            #expect(!gateway.log.contains(code), "a code is never in our log")
        }

        @Test("U02: a consent from another site, or without its token, is refused; two open tabs both work")
        func consentForgery() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            // A consent is remembered for its client: each part asks with one of its own.
            let (client, twice, third) = try await onThread {
                (try walk.register(), try walk.register(), try walk.register())
            }
            let port = gateway.port
            try await onThread {
                let browser = PlainBrowser(port: port)
                _ = try browser.walk(
                    walk.authorizationURL(client: client), to: OAuthWalk.redirectURI, as: EndToEnd.user,
                    EndToEnd.password)
                let tabs = try (0..<2).map { try Self.openConsent(browser, walk, twice, state: "tab\($0)") }
                let form = tabs[0]
                let forged = try browser.send(
                    "POST", form.action, body: form.encoded(pressing: nil),
                    headers: [
                        "Origin": "https://evil.test",
                        "Sec-Fetch-Site": "cross-site",
                    ])
                #expect(forged.status == 403)
                var bare = form
                bare.fields.removeAll { $0.name == "form_token" }
                #expect(try browser.submit(bare, on: form.action, pressing: nil).status == 403)
                for form in tabs.reversed() {
                    let answer = try browser.submit(form, on: form.action, pressing: nil)
                    #expect(answer.header("location")?.hasPrefix(OAuthWalk.redirectURI) == true, "\(answer.status)")
                }
                let stranger = PlainBrowser(port: port)
                let another = try Self.openConsent(browser, walk, third, state: "third")
                #expect(
                    try stranger.submit(another, on: another.action, pressing: nil).status == 403, "I01: other browser")
            }
        }

        private static func openConsent(_ browser: PlainBrowser, _ walk: OAuthWalk, _ client: String, state: String)
            throws
            -> PageForm
        {
            var target = walk.authorizationURL(client: client, ["state": state])
            var answer = try browser.send("GET", target)
            while let location = answer.header("location") {
                target = location
                answer = try browser.send("GET", target)
            }
            let form = PageForm.all(in: answer.text).first { form in form.fields.contains { $0.value == "allow" } }
            guard let form else {
                throw PlainBrowser.WalkError(description: "no consent: \(answer.status) \(answer.text)")
            }
            return form
        }

        @Test("a17, A11, A12: a refresh rotates; after revocation nothing of the family lives")
        func rotationAndRevocation() async throws {
            let gateway = try await EndToEnd.gateway()
            let walk = EndToEnd.walk(gateway)
            let (client, first) = try await onThread { try walk.logIn() }
            let second = try OAuthWalk.pair(in: try await onThread { try walk.refresh(first.refresh, client: client) })
            #expect(second.refresh != first.refresh)
            let again = try await onThread { try walk.refresh(first.refresh, client: client) }
            #expect(again.status == 200, "within the grace a parallel refresh is served: \(again.text)")
            let revoked = try await onThread { try walk.revoke(second.refresh, client: client) }
            #expect(revoked.status == 200)
            for token in [first.refresh, second.refresh] {
                let dead = try await onThread { try walk.refresh(token, client: client) }
                #expect(dead.object["error"] as? String == "invalid_grant")
            }
            try await eventuallyTrue("T08", within: .seconds(1)) { try await !Self.accepts(second.access, gateway) }
        }

        @Test("T08: a disabled user's tokens die within a second")
        func disabledUser() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            #expect(try await Self.accepts(token, gateway))
            let result = try await gateway.command(["user", "disable", EndToEnd.user])
            #expect(result.exit == .exited(0), "\(result.errors)")
            try await eventuallyTrue("dead", within: .milliseconds(1500)) { try await !Self.accepts(token, gateway) }
        }
    }
}
