import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `cors.allowed_origins: ["*"]`.
    @Suite("Pages of every origin")
    struct EveryOriginTests {
        @Test(
            "S1-11, O03: every page may call with a token of its own, without credentials; pages with cookies stay closed"
        )
        func everyOrigin() async throws {
            let gateway = try GatewayProcess(
                configuration: """
                    servers:
                      demo: {command: \(Checkout.binary), args: [demo-server]}
                    cors: {allowed_origins: ["*"]}

                    """)
            try await gateway.start()
            let page = ["Origin": "https://any.example"]
            let preflight = try await gateway.request(
                "OPTIONS", "/demo/mcp", page.merging(["Access-Control-Request-Method": "POST"]) { $1 })
            #expect(preflight.status == 204)
            #expect(preflight.header("access-control-allow-origin") == "https://any.example")
            #expect(preflight.header("access-control-allow-credentials") == nil)
            let refused = try await gateway.request("POST", "/demo/mcp", page, body: "{}")
            #expect(refused.status == 401 && refused.header("access-control-allow-origin") == "https://any.example")
            #expect(try await gateway.request("POST", "/demo/mcp", ["Origin": "null"], body: "{}").status == 403)
            for path in ["/login", "/account", "/"] {
                #expect(try await gateway.request("GET", path, page).status == 403, "\(path)")
            }
            let other = try await gateway.request(
                "POST", "/demo/mcp", page.merging(["Host": "any.example"]) { $1 }, body: "{}")
            #expect(other.status == 421, "DNS rebinding is no matter of origins")
            try await gateway.logs("cors.allowed_origins[0]")
        }
    }
}
