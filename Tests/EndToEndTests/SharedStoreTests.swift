import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Two gateways on one store, under one name.
    @Suite("Shared store")
    struct SharedStore {
        /// What the two share.
        enum Backend: String, CaseIterable, CustomTestStringConvertible {
            case sqlite, redis

            var testDescription: String { rawValue }
        }

        /// Two processes, the name of the first, and what is between them.
        struct Pair {
            let first: GatewayProcess
            let second: GatewayProcess
            let redis: RedisServer?

            /// A walk that asks the process with this number.
            func walk(_ index: Int) -> OAuthWalk {
                var walk = EndToEnd.walk(index.isMultiple(of: 2) ? first : second)
                walk.namedPort = first.port
                return walk
            }

            /// The status that a bearer token gets at the process with this number.
            func status(_ token: String, _ index: Int) async throws -> Int {
                let fields = [
                    "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                    "Accept": "application/json, text/event-stream", "Host": "localhost:\(first.port)",
                ]
                return try await (index.isMultiple(of: 2) ? first : second).request(
                    "POST", "/demo/mcp", fields, body: PlainMCP.request("ping", id: 1)
                ).status
            }
        }

        static func pair(_ backend: Backend) async throws -> Pair {
            let redis =
                try backend == .redis
                ? RedisServer(configuration: ["appendonly yes", "appendfsync always"]) : nil
            try redis?.start()
            let key = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
                .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
                .replacingOccurrences(of: "=", with: "")
            let storage = redis.map { "storage: \($0.url)\nsealing_key: \(key)\n" } ?? ""
            let first = try GatewayProcess(configuration: EndToEnd.busy + storage)
            try await first.start()
            let second = try GatewayProcess(
                configuration: EndToEnd.busy + storage + "public_url: http://localhost:\(first.port)\n",
                sharing: backend == .sqlite ? first : nil)
            try await second.start()
            // The command works over the shared store as it does over the file.
            let added = try await first.command(
                ["user", "add", EndToEnd.user, "--password-stdin", "--config", first.directory.file("sallyport.yaml")],
                input: EndToEnd.password + "\n")
            try #require(added.exit == .exited(0), "\(added.errors)")
            return Pair(first: first, second: second, redis: redis)
        }

        @Test("A07: of 100 parallel redemptions at two processes exactly one succeeds", arguments: Backend.allCases)
        func codeRace(_ backend: Backend) async throws {
            let pair = try await Self.pair(backend)
            let walks = [pair.walk(0), pair.walk(1)]
            let client = try await onThread { [walk = walks[0]] in try walk.register() }
            for _ in 0..<5 {
                let code = try await onThread { [walk = walks[0]] in try walk.authorize(client: client) }
                let statuses = try await Self.race(100) { index in
                    let walk = walks[index % 2]
                    return try await onThread { try walk.redeem(code: code, client: client).status }
                }
                #expect(statuses.count { $0 == 200 } == 1)
                #expect(statuses.count { $0 == 400 } == 99, "\(Set(statuses))")
            }
        }

        @Test(
            "A11: 50 parallel refreshes at two processes: ten succeed, then the family is dead",
            arguments: Backend.allCases)
        func refreshRace(_ backend: Backend) async throws {
            let pair = try await Self.pair(backend)
            let walks = [pair.walk(0), pair.walk(1)]
            let (client, tokens) = try await onThread { [walk = walks[0]] in try walk.logIn() }
            let answers = try await Self.race(50) { index in
                let walk = walks[index % 2]
                return try await onThread { try walk.refresh(tokens.refresh, client: client) }
            }
            #expect(answers.count { $0.status == 200 } == 10)
            #expect(answers.count { $0.object["error"] as? String == "invalid_grant" } == 40)
            for (index, answer) in answers.enumerated() where answer.status == 200 {
                let successor = try OAuthWalk.pair(in: answer)
                let walk = walks[index % 2]
                let late = try await onThread { try walk.refresh(successor.refresh, client: client) }
                #expect(late.object["error"] as? String == "invalid_grant")
                try await eventuallyTrue("T08: its access token is refused", within: .seconds(1)) {
                    try await pair.status(successor.access, index) == 401
                }
            }
        }

        @Test(
            "A12: once one process has revoked, no refresh in flight at either revives the grant",
            arguments: Backend.allCases)
        func revocationRace(_ backend: Backend) async throws {
            let pair = try await Self.pair(backend)
            let walks = [pair.walk(0), pair.walk(1)]
            for _ in 0..<10 {
                let (client, tokens) = try await onThread { [walk = walks[0]] in try walk.logIn() }
                // Nine refreshes: more would be reuse, which ends the grant by itself (A11).
                let answers = try await Self.race(10) { index in
                    let walk = walks[index % 2]
                    return try await onThread {
                        index == 7
                            ? try walk.revoke(tokens.refresh, client: client)
                            : try walk.refresh(tokens.refresh, client: client)
                    }
                }
                #expect(answers[7].status == 200)
                for (index, answer) in answers.enumerated() where index != 7 && answer.status == 200 {
                    let seen = try OAuthWalk.pair(in: answer)
                    for walk in walks {
                        let late = try await onThread { try walk.refresh(seen.refresh, client: client) }
                        #expect(late.object["error"] as? String == "invalid_grant")
                    }
                    for place in 0...1 {
                        try await eventuallyTrue("T08: the access token is refused", within: .seconds(1)) {
                            try await pair.status(seen.access, place) == 401
                        }
                    }
                }
            }
        }

        @Test(
            "F09: while Redis is down everything that needs it is 503 at once, nothing is let in, and it recovers by itself"
        )
        func down() async throws {
            let pair = try await Self.pair(.redis)
            let redis = try #require(pair.redis)
            let (client, tokens) = try await onThread { [walk = pair.walk(0)] in try walk.logIn() }
            #expect(try await pair.status(tokens.access, 1) != 401)
            try await redis.stop()
            try await eventuallyTrue("the gateway to notice", within: .seconds(3)) {
                try await pair.status(tokens.access, 0) == 503
            }
            let walk = pair.walk(0)
            for _ in 0..<20 {
                let began = ContinuousClock.now
                let answer = try await onThread { try walk.refresh(tokens.refresh, client: client) }
                #expect(answer.status == 503 && answer.header("retry-after") != nil)
                #expect(ContinuousClock.now - began < .milliseconds(100))
            }
            let registration = try await onThread { try walk.registerAnswer() }
            #expect(registration.status == 503 && registration.header("retry-after") != nil)
            #expect(try await pair.first.request("GET", walk.authorizationURL(client: client)).status == 503)
            #expect(try await pair.status(tokens.access, 0) == 503, "a token whose grant is not known is not let in")
            #expect(try await pair.first.request("GET", "/ready").status == 503)
            #expect(try await pair.first.request("GET", "/live").status == 200)
            try redis.start()
            try await eventuallyTrue("the gateway to work again", within: .seconds(2)) {
                try await pair.first.request("GET", "/ready").status == 200
            }
            let refreshed = try await onThread { try walk.refresh(tokens.refresh, client: client) }
            #expect(refreshed.status == 200, "what was acknowledged is there: \(refreshed.text)")
            try await eventuallyTrue("the token to be good again", within: .seconds(2)) {
                ![401, 503].contains(try await pair.status(tokens.access, 0))
            }
        }

        @Test("S04: a Redis that comes back with a certificate that is over makes the gateway not ready, and no more")
        func expiredCertificate() async throws {
            let certificates = try TestCertificates()
            let good = try certificates.issue("good", names: "DNS:localhost")
            let expired = try certificates.issue("expired", names: "DNS:localhost", days: 0)
            let port = try FreePort.find()
            func server(_ shown: (certificate: String, key: String)) throws -> RedisServer {
                let server = try RedisServer(
                    port: port, isEncrypted: true,
                    configuration: [
                        "tls-cert-file \(shown.certificate)", "tls-key-file \(shown.key)",
                        "tls-ca-cert-file \(certificates.authority)", "tls-auth-clients no",
                    ])
                try server.start()
                return server
            }
            let first = try server(good)
            let storage = "storage: rediss://localhost:\(port)?ca=\(certificates.authority)\n"
            let gateway = try GatewayProcess(configuration: EndToEnd.busy + storage)
            try await gateway.start()
            try await first.stop()
            let second = try server(expired)
            try await eventuallyTrue("the gateway not to be ready", within: .seconds(3)) {
                try await gateway.request("GET", "/ready").status == 503
            }
            let registration = try await onThread { [walk = EndToEnd.walk(gateway)] in try walk.registerAnswer() }
            #expect(registration.status == 503)
            #expect(try await gateway.request("GET", "/live").status == 200)
            try await eventuallyTrue("the log to say why") { gateway.log.contains("expired") }
            try await second.stop()
            let third = try server(good)
            try await eventuallyTrue("the gateway to be ready again", within: .seconds(3)) {
                try await gateway.request("GET", "/ready").status == 200
            }
            withExtendedLifetime(third) {}
        }

        @Test("a second gateway with another sealing key says so and does not start")
        func wrongKey() async throws {
            let pair = try await Self.pair(.redis)
            let redis = try #require(pair.redis)
            let stranger = try GatewayProcess(configuration: EndToEnd.busy + "storage: \(redis.url)\n")
            await #expect(throws: (any Error).self) { try await stranger.start() }
            #expect(stranger.log.contains("sealing key"), "\(stranger.log)")
        }

        private static func race<T: Sendable>(
            _ count: Int, _ body: @escaping @Sendable (Int) async throws -> T
        ) async throws -> [T] {
            try await withThrowingTaskGroup(of: (Int, T).self) { group in
                for index in 0..<count { group.addTask { (index, try await body(index)) } }
                var results: [Int: T] = [:]
                for try await (index, result) in group { results[index] = result }
                return (0..<count).compactMap { results[$0] }
            }
        }
    }
}
