import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The numbers that the gateway tells Prometheus, and the dashboard and alerts that are made of them.
    @Suite("Monitoring", .timeLimit(.minutes(3)))
    struct MonitoringTests {
        private static let folder = Checkout.root + "/Examples/monitoring"

        /// `/metrics` of a gateway with every kind of server and TLS.
        private static func metrics() async throws -> String {
            let certificates = try TestCertificates()
            let shown = try certificates.issue("server", names: "DNS:localhost")
            let gateway = try GatewayProcess(
                configuration: """
                    tls: {certificate: \(shown.certificate), private_key: \(shown.key)}
                    rate_limits: {per_user: 1000/min}
                    servers:
                      demo: {command: sallyport, args: [demo-server]}
                      away: {url: "http://127.0.0.1:\(try FreePort.find())/mcp"}

                    """, isSecure: true)
            try await gateway.start()
            let report = try await PythonClient.run(
                "tls_probe.py", in: "current",
                [
                    "port": gateway.port, "authority": certificates.authority, "probes": [["targets": ["/metrics"]]],
                ])
            let answers = (report["results"] as? [[String: Any]])?.first?["answers"] as? [[String: Any]]
            return try #require(answers?.first?["body"] as? String)
        }

        /// What the rows ask to be told, by name: calls, errors and lists by server, sessions, their lives and processes (S3-45 …
        /// S3-48, S2-40 … S2-43), whose time it was, tokens, logins, limits, storage.
        private static let families: Set<String> = [
            "sallyport_calls_total", "sallyport_call_errors_total", "sallyport_call_duration_seconds",
            "sallyport_gateway_duration_seconds", "sallyport_sessions", "sallyport_sessions_begun_total",
            "sallyport_session_duration_seconds", "sallyport_session_ends_total", "sallyport_processes",
            "sallyport_process_starts_total", "sallyport_process_ends_total", "sallyport_server_failing",
            "sallyport_server_start_failures_total", "sallyport_upstream_circuit_open",
            "sallyport_upstream_failures_total", "sallyport_discarded_lines_total", "sallyport_access_refusals_total",
            "sallyport_tokens_issued_total", "sallyport_token_requests_refused_total", "sallyport_grants_revoked_total",
            "sallyport_logins_total", "sallyport_limits_reached_total", "sallyport_rate_limited_total",
            "sallyport_store_operation_duration_seconds", "sallyport_store_errors_total",
            "sallyport_http_responses_total", "sallyport_http_refused_total", "sallyport_http_connections",
            "sallyport_tls_handshakes_total", "sallyport_tls_certificate_expiry_seconds",
            "sallyport_audit_events_lost_total", "sallyport_audit_failing", "sallyport_log_lines_dropped_total",
            "sallyport_configuration_current", "sallyport_configuration_reloads_total", "sallyport_build_info",
        ]

        /// The metrics that an expression of Prometheus asks for.
        private static func names(in expression: String) -> Set<String> {
            Set(
                expression.matches(of: /\b(sallyport|process)_[a-z_]+/).map { match in
                    let name = String(match.output.0)
                    return ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }.map {
                        String(name.dropLast($0.count))
                    }
                        ?? name
                })
        }

        /// Every string under one of these keys, however deep.
        private static func strings(_ keys: Set<String>, in value: Any) -> [String] {
            switch value {
            case let object as [String: Any]:
                object.flatMap { key, inner in
                    keys.contains(key) ? (inner as? String).map { [$0] } ?? [] : strings(keys, in: inner)
                }
            case let array as [Any]: array.flatMap { strings(keys, in: $0) }
            default: []
            }
        }

        @Test(
            "S3-45 … S3-48, S2-40 … S2-43: promtool has no complaint about the metrics, all of them are there, and dashboard and alerts ask only for those that are there"
        )
        func metrics() async throws {
            let text = try await Self.metrics()
            let lint = try await SystemCommand.run(["promtool", "check", "metrics"], input: text)
            #expect(lint.hasSucceeded && lint.output.isEmpty && lint.errors.isEmpty, "\(lint.text)")
            let known = Set(
                text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
                    .map { String($0.split(separator: " ")[2]) })
            // All from the start on: one that appears with the first loss shows no growth.
            #expect(Self.families.subtracting(known).isEmpty, "\(known.sorted())")

            let dashboard = try JSONSerialization.jsonObject(
                with: try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/dashboard.json")))
            let alerts = try String(contentsOfFile: Self.folder + "/alerts.yaml", encoding: .utf8)
            let shown = Self.strings(["expr", "query"], in: dashboard)
            #expect(shown.count > 20)
            let asked = (shown + [alerts]).reduce(into: Set<String>()) { $0.formUnion(Self.names(in: $1)) }
            #expect(asked.subtracting(known).isEmpty, "these are asked for and nobody tells them")
            // Values of labels that expressions select by are values that exist.
            for match in (shown + [alerts]).joined(separator: "\n")
                .matches(of: /\b(outcome|class|reason|type|way|limit|operation|error)(?:=|=~|!=|!~)"([a-z0-9_|]+)"/)
            {
                for value in match.output.2.split(separator: "|") {
                    #expect(text.contains("\(match.output.1)=\"\(value)\""), "\(match.output.0): \(value)")
                }
            }
        }

        @Test("the alerts are rules that promtool takes, and go off when they should and only then")
        func alerts() async throws {
            for words in [["rules", "alerts.yaml"], ["config", "prometheus.yaml"]] {
                let check = try await SystemCommand.run(
                    ["env", "-C", Self.folder, "promtool", "check"] + words)
                #expect(check.hasSucceeded, "\(check.text)")
            }
            let tests = Self.folder + "/alerts_test.yaml"
            let result = try await SystemCommand.run(["promtool", "test", "rules", tests])
            #expect(result.hasSucceeded, "\(result.text)")
            // Each alert is described where the operator looks, and tried.
            let alerts = try String(contentsOfFile: Self.folder + "/alerts.yaml", encoding: .utf8)
            let tried = try String(contentsOfFile: tests, encoding: .utf8)
            let guide = try String(contentsOfFile: Checkout.root + "/docs/operations.md", encoding: .utf8)
            let names = alerts.matches(of: /- alert: ([A-Za-z]+)/).map { String($0.output.1) }
            #expect(names.count >= 10)
            for name in names {
                #expect(guide.contains("`\(name)`"), "\(name) is not in docs/operations.md")
                #expect(tried.contains("alertname: \(name)\n"), "\(name) is not tried")
            }
        }
    }
}
