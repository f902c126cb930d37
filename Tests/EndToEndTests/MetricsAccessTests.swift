import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `metrics`: who sees the numbers where no proxy in front keeps them.
    @Suite("Who sees the numbers")
    struct MetricsAccessTests {
        private static func gateway(_ metrics: String, more: String = "") async throws -> GatewayProcess {
            let gateway = try GatewayProcess(
                configuration: """
                    servers:
                      demo: {command: \(Checkout.binary), args: [demo-server]}
                    metrics: \(metrics)
                    \(more)

                    """)
            try await gateway.start()
            return gateway
        }

        /// What strangers get: that it lives and serves, and nothing more.
        private static func expectClosed(_ ask: (String) async throws -> PlainResponse) async throws {
            let metrics = try await ask("/metrics")
            #expect(metrics.status == 404 && metrics.text == "There is nothing at this address.\n")
            #expect(try await ask("/live").status == 200)
            let health = try await ask("/health")
            #expect(health.status == 200 && health.text == #"{"status":"ok"}"#, "\(health.text)")
            let ready = try await ask("/ready")
            #expect(ready.status == 200 && ready.text == "ready\n")
        }

        @Test("metrics.listen: the numbers are there alone, in the clear and without the servers")
        func ownAddress() async throws {
            let port = try FreePort.find()
            let gateway = try await Self.gateway("{listen: \"127.0.0.1:\(port)\"}")
            try await Self.expectClosed { try await gateway.request("GET", $0, ["X-Forwarded-For": "127.0.0.1"]) }
            func own(_ path: String, _ headers: [String: String] = [:]) async throws -> PlainResponse {
                try await onThread { try PlainHTTP.exchange(port: port, "GET", path, headers) }
            }
            // Whatever name Prometheus knows it by.
            let numbers = try await own("/metrics", ["Host": "gateway.cluster.local"])
            #expect(numbers.status == 200 && numbers.text.contains("\nsallyport_"), "\(numbers.text.prefix(300))")
            #expect(try await own("/health").object["version"] != nil)
            #expect(try await own("/ready").status == 200)
            for path in ["/", "/login", "/demo/mcp", "/mcp", "/token"] {
                #expect(try await own(path).status == 404, "\(path)")
            }
            #expect(try await gateway.terminate() == .exited(0))
        }

        @Test("metrics.allow: the address of the client decides, which a trusted proxy tells and nobody else")
        func allowed() async throws {
            let gateway = try await Self.gateway("{allow: [192.0.2.0/24]}", more: "trusted_proxies: [127.0.0.1]")
            func ask(_ client: String) -> (String) async throws -> PlainResponse {
                { try await gateway.request("GET", $0, ["X-Forwarded-For": client]) }
            }
            try await Self.expectClosed(ask("198.51.100.7"))
            try await Self.expectClosed(ask("192.0.2.7, 198.51.100.7"))
            #expect(try await ask("192.0.2.7")("/metrics").status == 200)
            #expect(try await ask("192.0.2.7")("/health").object["version"] != nil)

            let bare = try await Self.gateway("{allow: [192.0.2.0/24]}")
            try await Self.expectClosed { try await bare.request("GET", $0, ["X-Forwarded-For": "192.0.2.7"]) }
        }

        @Test("a change of metrics needs a restart, and says so")
        func change() async throws {
            let gateway = try await Self.gateway("{allow: [192.0.2.1]}")
            let file = gateway.directory.file("sallyport.yaml")
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try text.replacingOccurrences(of: "192.0.2.1", with: "127.0.0.1").write(
                toFile: file, atomically: true, encoding: .utf8)
            try await gateway.logs("metrics: a change needs a restart")
            #expect(try await gateway.request("GET", "/metrics").status == 404)
        }
    }
}
