import TestSupport
import Testing

extension EndToEnd {
    /// What the gateway says when a proxy in front of it is not set up as its configuration has it.
    @Suite("Addresses behind a proxy")
    struct ProxyAddresses {
        @Test("U-16: another host and another scheme are told in the log, and /ready and /health say that it is so")
        func wrong() async throws {
            let port = try FreePort.find()
            let gateway = try GatewayProcess(
                configuration: """
                    public_url: http://localhost:\(port)
                    trusted_proxies: [127.0.0.1]
                    servers: {demo: {command: \(Checkout.binary), args: [demo-server]}}

                    """, port: port)
            try await gateway.start()
            func ask(_ path: String, _ fields: [String: String]) async throws -> PlainResponse {
                try await gateway.request(path == "/demo/mcp" ? "POST" : "GET", path, fields)
            }
            #expect(try await ask("/ready", ["Host": "probe"]).text == "ready\n")
            #expect(try await ask("/health", [:]).object["warnings"] == nil)
            for _ in 0..<5 {
                #expect(try await ask("/demo/mcp", ["Host": "in-ner:8080"]).status == 421)
            }
            let ready = try await ask("/ready", ["Host": "probe"])
            #expect(ready.status == 200 && ready.text.contains("under another host"), "\(ready.text)")
            #expect(!ready.text.contains("in-ner"))
            #expect((try await ask("/health", [:]).object["warnings"] as? [String])?.count == 1)
            try await eventuallyTrue("the word in the log: \(gateway.log)") {
                gateway.log.contains("\"arrived\":\"in-ner:8080\"")
            }
            #expect(
                gateway.log.contains("\"expected\":\"localhost:\(port)\"") && gateway.log.contains("set public_url"))
            #expect(gateway.log.split(separator: "in-ner:8080").count == 2, "once: \(gateway.log)")
            #expect(try await ask("/demo/mcp", [:]).status == 401)
            #expect(try await ask("/ready", [:]).text == "ready\n")
            #expect(try await ask("/demo/mcp", ["X-Forwarded-Proto": "https"]).status == 401)
            try await eventuallyTrue("the other word: \(gateway.log)") { gateway.log.contains("by another scheme") }
            #expect(try await ask("/ready", [:]).text.contains("by another scheme"))
            #expect(try await ask("/demo/mcp", ["X-Forwarded-Proto": "http"]).status == 401)
            #expect(try await ask("/ready", [:]).text == "ready\n")
        }
    }
}
