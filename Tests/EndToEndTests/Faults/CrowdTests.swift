import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Many clients at once.
    @Suite("Crowds", .serialized)
    struct Crowds {
        /// One process for everybody, which tells all of them something on request.
        static let announcing = """
            servers:
              news:
                command: /usr/bin/python3
                args: ["\(Checkout.client("announcing_server.py"))"]
                isolation: shared
                limits: {sessions: 10000}

            """

        /// A gateway that lets in whoever another issuer names, and tokens of `count` people for its server `news`.
        static func gateway(_ count: Int, wrapper: [String] = []) async throws -> (
            GatewayProcess, ExternalIssuers.Issuer, [String]
        ) {
            let issuer = try await ExternalIssuers.Issuer()
            let gateway = try GatewayProcess(
                configuration: announcing + """
                    oauth:
                      external_issuers:
                        - {issuer: "\(issuer.url)", required_scopes: [mcp]}

                    """)
            try await gateway.start(wrapper: wrapper)
            var tokens: [String] = []
            for number in 0..<count {
                let claims: [String: Any] = ["sub": "user\(number)"]
                tokens.append(try await issuer.mint(gateway.origin + "/news/mcp", ["claims": claims]))
            }
            return (gateway, issuer, tokens)
        }

        @Test("F24: streams of many idle people cost little each, and what is told to all reaches all of them soon")
        func idleStreams() async throws {
            let count = 1600
            let (gateway, issuer, tokens) = try await Self.gateway(count / 32 + 1)
            let report = try await PythonClient.run(
                "idle_streams.py", in: "current",
                [
                    "port": gateway.port, "path": "/news/mcp", "tokens": tokens, "streams": count, "rounds": 5,
                    "pid": Int(gateway.pid),
                ])
            #expect(report["streams"] as? Int == count && report["ended"] as? Int == 0, "\(report)")
            #expect(report["reached"] as? [Int] == Array(repeating: count, count: 5), "\(report)")
            #expect(try #require(report["p99"] as? Double) <= 250, "\(report)")
            let memory = try #require(report["memory"] as? Int)
            let before = try #require(report["before"] as? Int)
            #expect(before + (memory - before) / count * 9000 <= 200 << 20, "9,000 of them: \(report)")
            withExtendedLifetime(issuer) {}
        }

        @Test("F20: at SIGTERM a thousand streams end in order and every call is answered")
        func drained() async throws {
            let (gateway, issuer, tokens) = try await Self.gateway(40)
            let report = try await PythonClient.run(
                "drained_crowd.py", in: "current",
                [
                    "port": gateway.port, "path": "/news/mcp", "tokens": tokens, "streams": 1000,
                    "pid": Int(gateway.pid),
                ])
            #expect(report["ended"] as? Int == 1000 && report["whole"] as? Int == 1000, "\(report)")
            #expect(report["over"] as? Int == 4 && report["faults"] as? [String] == [], "\(report)")
            #expect(try await gateway.program?.waitUntilExit(within: .seconds(15)) == .exited(0))
            withExtendedLifetime(issuer) {}
        }
    }
}
