import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The races of codes and refresh tokens, run against two processes on one SQLite file.
    @Suite("Races of two processes", .timeLimit(.minutes(5)))
    struct Races {
        /// Two gateways, by their ports, and a client that can prove who it is.
        struct Bench: Sendable {
            let ports: [Int]
            let client: String
            let secret: String
            let walk: OAuthWalk

            /// Posts a form of the client to one of the two, in turn.
            func post(_ turn: Int, _ path: String, _ form: [String: String]) async throws -> PlainResponse {
                let port = ports[turn % 2]
                let host = "localhost:\(ports[0])"
                let form = form.merging(["client_id": client, "client_secret": secret]) { $1 }
                return try await onThread {
                    try PlainHTTP.exchange(
                        port: port, "POST", path,
                        ["Content-Type": "application/x-www-form-urlencoded", "Host": host],
                        body: Array(FormEncoding.encode(form.map { ($0.key, $0.value) }).utf8), timeout: 30)
                }
            }

            /// Many of them at once; what came back.
            func race(_ count: Int, _ path: String, _ form: [String: String]) async throws -> [PlainResponse] {
                try await withThrowingTaskGroup(of: PlainResponse.self) { group in
                    for turn in 0..<count { group.addTask { try await post(turn, path, form) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }

            func code() async throws -> [String: String] {
                let (walk, client) = (walk, client)
                let code = try await onThread { try walk.authorize(client: client) }
                return [
                    "grant_type": "authorization_code", "code": code, "code_verifier": OAuthWalk.proof.verifier,
                    "redirect_uri": OAuthWalk.redirectURI,
                ]
            }

            func refresh(_ token: String) -> [String: String] {
                ["grant_type": "refresh_token", "refresh_token": token]
            }

            func isActive(_ turn: Int, _ token: String) async throws -> Bool {
                let answer = try await post(turn, "/introspect", ["token": token])
                return try #require(answer.object["active"] as? Bool, "\(answer.status) \(answer.text)")
            }
        }

        static func bench() async throws -> (gateways: [GatewayProcess], bench: Bench) {
            let (first, second) = try await Keys.pair()
            let walk = EndToEnd.walk(first)
            let answer = try await onThread {
                try walk.registerAnswer(["token_endpoint_auth_method": "client_secret_post"])
            }
            let bench = Bench(
                ports: [first.port, second.port], client: try #require(answer.object["client_id"] as? String),
                secret: try #require(answer.object["client_secret"] as? String), walk: walk)
            return ([first, second], bench)
        }

        @Test("A07: of 100 redemptions of a code at two processes exactly one succeeds")
        func codes() async throws {
            let (gateways, bench) = try await Self.bench()
            defer { withExtendedLifetime(gateways) {} }
            for _ in 0..<5 {
                let answers = try await bench.race(100, "/token", try await bench.code())
                #expect(answers.count { $0.status == 200 } == 1)
                #expect(answers.count { $0.object["error"] as? String == "invalid_grant" } == 99)
            }
        }

        @Test("A11: of 50 refreshes with one token at two processes ten succeed, and the next ends the family in both")
        func refreshes() async throws {
            let (gateways, bench) = try await Self.bench()
            defer { withExtendedLifetime(gateways) {} }
            let pair = try OAuthWalk.pair(in: try await bench.post(0, "/token", try await bench.code()))
            let answers = try await bench.race(50, "/token", bench.refresh(pair.refresh))
            #expect(answers.count { $0.status == 200 } == 10)
            for turn in 0..<2 { #expect(try await !bench.isActive(turn, pair.access)) }
        }

        @Test("A12: refreshes and a revocation race at two processes: afterwards no token that was seen is active")
        func revocation() async throws {
            let (gateways, bench) = try await Self.bench()
            defer { withExtendedLifetime(gateways) {} }
            for round in 0..<12 {
                // More than ten refreshes end the family by themselves (A11): then nothing is seen of the revocation.
                let count = round % 4 == 0 ? 50 : 9
                let pair = try OAuthWalk.pair(in: try await bench.post(round, "/token", try await bench.code()))
                async let racing = bench.race(count, "/token", bench.refresh(pair.refresh))
                async let revoked = bench.post(round, "/revoke", ["token": pair.refresh])
                #expect(try await revoked.status == 200)
                var seen = [pair.access, pair.refresh]
                for answer in try await racing where answer.status == 200 {
                    let next = try OAuthWalk.pair(in: answer)
                    seen += [next.access, next.refresh]
                }
                for token in seen {
                    for turn in 0..<2 { #expect(try await !bench.isActive(turn, token), "round \(round)") }
                }
            }
        }
    }
}
