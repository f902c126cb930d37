import Foundation
import Telemetry
import TestSupport
import Testing

extension EndToEnd.ForwardAuth {
    @Test(
        "a browser without a token gets a page that says what happened and leads to the login; a program does not",
        arguments: FrontProxy.allCases)
    func page(front: FrontProxy) async throws {
        let tiers = try await ThreeTiers(front)
        let document = "http://127.0.0.1:\(tiers.ports.front)/.well-known/oauth-protected-resource/mcp"
        let challenge = ["Bearer resource_metadata=\"\(document)\", scope=\"mcp\""]
        let browser = [
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none", "Upgrade-Insecure-Requests: 1",
        ]
        let page = try await tiers.ask("/mcp", lines: browser)
        #expect(page.status == 401 && page.values("www-authenticate") == challenge)
        #expect(page.header("content-type")?.hasPrefix("text/html") == true)
        #expect(page.text.contains("fetch is an MCP server") && page.text.contains("brought no access token"))
        #expect(page.header("x-frame-options") == "DENY", "U01")
        #expect(page.header("content-security-policy")?.contains("frame-ancestors 'none'") == true, "U01")
        // The link leads to a page where somebody can sign in.
        let link = try #require(page.text.firstMatch(of: /href="http:\/\/(localhost:\d+)(\/[^"]*)"/))
        let login = try await tiers.ask(String(link.2), lines: browser, host: String(link.1))
        #expect(login.status == 200 && login.text.contains("type=\"password\""), "\(login.status) \(link.0)")

        for lines in [
            ["Accept: application/json, text/event-stream"], ["Accept: text/html", "Sec-Fetch-Mode: cors"], [],
        ] {
            let answer = try await tiers.ask("/mcp", lines: lines)
            #expect(answer.status == 401 && answer.values("www-authenticate") == challenge, "\(lines)")
            #expect(!answer.text.contains("<html"), "\(lines)")
        }
    }

    @Test("T10: a token that is bound to a key is no bearer token at /verify, with or without a proof")
    func boundToken() async throws {
        let tiers = try await ThreeTiers(.nginx)
        let walk = tiers.walk("/raw")
        let origin = "http://127.0.0.1:\(tiers.ports.front)"
        let prover = try KeyProver()
        let now = Timestamp(millisecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1000))
        let (client, proof) = (
            try await onThread { try walk.register() }, try prover.proof("POST", walk.origin + "/token", at: now)
        )
        let answer = try await onThread {
            let code = try walk.authorize(client: client)
            let form = [
                ("grant_type", "authorization_code"), ("code", code), ("client_id", client),
                ("code_verifier", OAuthWalk.proof.verifier), ("redirect_uri", OAuthWalk.redirectURI),
                ("resource", origin + "/raw"),
            ]
            return try PlainHTTP.exchange(
                port: walk.port, "POST", "/token",
                [
                    "Content-Type": "application/x-www-form-urlencoded", "Host": "localhost:\(walk.port)",
                    "DPoP": proof,
                ], body: Array(FormEncoding.encode(form).utf8))
        }
        #expect(answer.object["token_type"] as? String == "DPoP", "\(answer.text)")
        let token = try OAuthWalk.pair(in: answer).access
        let fresh = try prover.proof("GET", origin + "/raw", accessToken: token, at: now)
        for lines in [[], ["DPoP: \(fresh)"]] {
            let refused = try await tiers.ask("/raw", token: token, lines: lines)
            #expect(refused.status == 401)
            #expect(refused.header("www-authenticate")?.contains("error=\"invalid_token\"") == true)
        }
        let proven = try await tiers.ask("/raw", lines: ["Authorization: DPoP \(token)", "DPoP: \(fresh)"])
        #expect(proven.status == 401)
        #expect(tiers.rawHeads().isEmpty)
        let plain = try await tiers.token(for: "/raw")
        #expect(try await tiers.ask("/raw", token: plain).status == 200, "the same without a proof")
    }
}
