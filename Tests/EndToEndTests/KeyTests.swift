import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Signing keys while gateways run.
    @Suite("Signing keys")
    struct Keys {
        /// Two gateways on one data directory, under one name; the second is asked with the first one's Host.
        static func pair(
            _ settings: (_ port: Int) -> String = { _ in "" }
        ) async throws -> (first: GatewayProcess, second: GatewayProcess) {
            let port = try FreePort.find()
            let configuration = """
                public_url: http://localhost:\(port)
                servers:
                  demo: {command: \(Checkout.binary), args: [demo-server]}
                rate_limits: {registration: 10000/min}

                """ + settings(port)
            let first = try GatewayProcess(configuration: configuration, port: port)
            try await first.start()
            try await first.addUser(EndToEnd.user, password: EndToEnd.password)
            let second = try GatewayProcess(configuration: configuration, sharing: first)
            try await second.start()
            return (first, second)
        }

        /// The status of a ping with `token`, at the gateway on `port` that knows itself as `host`.
        static func ping(_ token: String, port: Int, host: String) throws -> Int {
            let client = PlainMCP(port: port, path: "/demo/mcp", token: token, host: host)
            return try client.post(PlainMCP.request("ping", id: 1)).status
        }

        static func list(_ gateway: GatewayProcess) async throws -> [[String: String]] {
            let listing = try await gateway.command(["key", "list", "--json"])
            let value = try JSONSerialization.jsonObject(with: Data(listing.output.utf8))
            return try #require(value as? [[String: String]], "\(listing.output) \(listing.errors)")
        }

        static func kid(of token: String) throws -> String {
            var text = String(try #require(token.split(separator: ".").first))
                .replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
            text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
            let data = try #require(Data(base64Encoded: text))
            let header = try JSONSerialization.jsonObject(with: data) as? [String: Any]
            return try #require(header?["kid"] as? String)
        }

        @Test(
            "T08: 100 rotations under load in two processes: no false 401; a retired key is 401, a replaced one is not",
            .timeLimit(.minutes(5)))
        func rotations() async throws {
            let (first, second) = try await Self.pair()
            let (client, tokens) = try await EndToEnd.logIn(first)
            let ports = [first.port, second.port]
            let host = "localhost:\(first.port)"
            let load = Task {
                try await Self.refreshing(client: client, tokens, ports: ports, host: host)
            }
            for _ in 0..<100 {
                let rotated = try await first.command(["key", "rotate", "--publish-ahead", "5s", "--json"])
                try #require(rotated.exit == .exited(0), "\(rotated.errors)")
            }
            try await eventuallyTrue("the last key signs", within: .seconds(20)) {
                try await !Self.list(first).contains { $0["state"] == "next" }
            }
            load.cancel()
            let seen = try await load.value
            #expect(seen.statuses.keys.allSatisfy { $0 != 401 && $0 != 503 }, "\(seen.statuses)")
            #expect(seen.kids.count >= 20, "tokens of \(seen.kids.count) keys were seen")
            #expect(seen.statuses.values.reduce(0, +) > 50, "\(seen.statuses)")
            // Every token so far is good, also those of keys that were replaced long ago.
            let current = try #require(
                try await Self.list(first).first { $0["state"] == "signing" && $0["algorithm"] == "ES256" })
            let old = try #require(seen.kids.first { $0.key != current["kid"] })
            for port in ports {
                #expect(try await onThread { try Self.ping(old.value, port: port, host: host) } == 400)
            }
            let retired = try await first.command(["key", "retire", old.key])
            #expect(retired.exit == .exited(0), "\(retired.errors)")
            for port in ports {
                try await eventuallyTrue("the retired key is refused", within: .seconds(1)) {
                    try await onThread { try Self.ping(old.value, port: port, host: host) } == 401
                }
                let other = try #require(seen.kids.first { $0.key != old.key })
                #expect(try await onThread { try Self.ping(other.value, port: port, host: host) } == 400)
            }
        }

        /// What was seen under load: how often each status came, and a token of each key.
        struct Seen: Sendable {
            var statuses: [Int: Int] = [:]
            var kids: [String: String] = [:]
        }

        /// Refreshes at one process and shows the token to the other one, until it is cancelled.
        static func refreshing(client: String, _ tokens: TokenPair, ports: [Int], host: String) async throws -> Seen {
            var seen = Seen()
            var pair = tokens
            var turn = 0
            while !Task.isCancelled {
                let (issuer, verifier) = (ports[turn % 2], ports[(turn + 1) % 2])
                turn += 1
                let present = pair
                let (next, status) = try await onThread {
                    let answer = try PlainHTTP.exchange(
                        port: issuer, "POST", "/token",
                        ["Content-Type": "application/x-www-form-urlencoded", "Host": host],
                        body: Array(
                            FormEncoding.encode([
                                ("grant_type", "refresh_token"), ("refresh_token", present.refresh),
                                ("client_id", client),
                            ]).utf8))
                    let next = try OAuthWalk.pair(in: answer)
                    return (next, try ping(next.access, port: verifier, host: host))
                }
                pair = next
                seen.statuses[status, default: 0] += 1
                seen.kids[try kid(of: pair.access)] = pair.access
            }
            return seen
        }

        @Test("key list, rotate and retire say what they do, and refuse what would lock everybody out")
        func commands() async throws {
            let gateway = try await EndToEnd.gateway()
            let keys = try await Self.list(gateway)
            #expect(Set(keys.map { $0["algorithm"] ?? "" }) == ["ES256", "RS256", "EdDSA"])
            let only = try #require(keys.first { $0["algorithm"] == "ES256" }?["kid"])
            let refused = try await gateway.command(["key", "retire", only])
            #expect(refused.exit == .exited(65) && refused.errors.contains("key rotate"), "\(refused)")
            #expect(try await gateway.command(["key", "retire", "nobody"]).exit == .exited(67))
            #expect(try await gateway.command(["key", "rotate", "--algorithm", "HS256"]).exit == .exited(64))
            #expect(try await gateway.command(["key", "rotate", "--publish-ahead", "1s"]).exit == .exited(64))
            #expect(try await gateway.command(["key", "lst"]).errors.contains("list"))
            let rotated = try await gateway.command(["key", "rotate", "--algorithm", "EdDSA"])
            #expect(rotated.exit == .exited(0) && rotated.output.contains("EdDSA"))
            let table = try await gateway.command(["key", "list"])
            #expect(table.output.contains("next") && table.output.contains(only))
            #expect(!table.output.contains("PRIVATE"))
            let folder = gateway.dataDirectory + "/audit"
            let trail = try FileManager.default.contentsOfDirectory(atPath: folder)
                .compactMap { FileManager.default.contents(atPath: "\(folder)/\($0)") }
                .map { String(decoding: $0, as: UTF8.self) }.joined()
            #expect(trail.contains("key_added"))
        }
    }
}
