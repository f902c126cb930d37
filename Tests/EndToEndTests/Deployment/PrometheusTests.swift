import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// A real Prometheus that scrapes a gateway.
    @Suite("Prometheus", .timeLimit(.minutes(2)))
    struct PrometheusTests {
        /// The value of an expression; nil while there is none.
        private static func value(_ expression: String, at port: Int) async throws -> String? {
            let query = try #require(expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            let answer = try await onThread {
                try PlainHTTP.exchange(port: port, "GET", "/api/v1/query?query=\(query)", timeout: 5)
            }
            let root = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
            let results = (root?["data"] as? [String: Any])?["result"] as? [[String: Any]]
            return (results?.first?["value"] as? [Any])?.last as? String
        }

        @Test("Prometheus scrapes /metrics, with the alerts loaded, and finds there what was called")
        func scraping() async throws {
            let gateway = try await EndToEnd.gateway(
                "servers:\n  demo: {command: \(Checkout.binary), args: [demo-server]}\n")
            let token = try await EndToEnd.logIn(gateway).tokens.access
            let (target, port) = (gateway.port, try FreePort.find())
            let client = try await onThread {
                try PlainMCP.opened(port: target, path: "/demo/mcp", token: token)
            }
            for id in 1...3 { _ = try await onThread { try client.call("echo", id: id, #"{"message":"x"}"#) } }
            let folder = try TemporaryDirectory("prometheus")
            let file = try folder.write(
                "prometheus.yml",
                """
                global: {scrape_interval: 200ms, evaluation_interval: 200ms}
                rule_files: ["\(Checkout.root)/Examples/monitoring/alerts.yaml"]
                scrape_configs:
                  - job_name: sallyport
                    static_configs: [{targets: ["127.0.0.1:\(target)"]}]

                """)
            let prometheus = try RunningProgram(
                "/usr/bin/prometheus",
                [
                    "--config.file=\(file)", "--storage.tsdb.path=\(folder.file("data"))",
                    "--web.listen-address=127.0.0.1:\(port)",
                ], in: folder.path, logs: folder)
            defer { prometheus.killTree() }
            try await eventuallyTrue("Prometheus has scraped; it wrote: \(prometheus.errors)", within: .seconds(30)) {
                try prometheus.exit.map { throw WatchError(exit: $0, text: prometheus.errors) }
                return (try? await Self.value(#"up{job="sallyport"}"#, at: port)) == "1"
            }
            try await eventuallyTrue("the calls are counted", within: .seconds(10)) {
                try await Self.value(#"sum(sallyport_calls_total{server="demo",method="tools/call"})"#, at: port) == "3"
            }
            #expect(try await Self.value(#"count(ALERTS{alertstate="firing"})"#, at: port) == nil, "nothing is wrong")
        }

        private struct WatchError: Error {
            let exit: ProgramExit
            let text: String
        }
    }
}
