import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The commands of an administrator over a store that two running gateways share.
    @Suite("Administration of a shared store", .timeLimit(.minutes(5)))
    struct SharedAdministration {
        private let pair: SharedStore.Pair

        init() async throws { pair = try await SharedStore.pair(.redis) }

        private func run(_ words: [String], input: String = "", exit: Int32 = 0) async throws -> String {
            let file = pair.first.directory.file("sallyport.yaml")
            let result = try await pair.first.command(words + ["--config", file], input: input)
            #expect(result.exit == .exited(exit), "\(words): \(result.output) \(result.errors)")
            return exit == 0 ? result.output : result.errors
        }

        private func object(_ words: [String]) async throws -> [String: Any] {
            let value = try JSONSerialization.jsonObject(with: Data(try await run(words + ["--json"]).utf8))
            return try #require(value as? [String: Any], "\(words)")
        }

        private func list(_ words: [String]) async throws -> [[String: Any]] {
            let value = try JSONSerialization.jsonObject(with: Data(try await run(words + ["--json"]).utf8))
            return try #require(value as? [[String: Any]], "\(words)")
        }

        private func logIn() async throws -> (client: String, tokens: TokenPair) {
            try await onThread { [walk = pair.walk(0)] in try walk.logIn() }
        }

        /// Both processes answer as they should, within the second that is promised.
        private func eventually(_ token: String, isTaken: Bool, _ what: Comment) async throws {
            try await eventuallyTrue("\(what)", within: .seconds(1)) {
                let statuses = [try await pair.status(token, 0), try await pair.status(token, 1)]
                return statuses.allSatisfy { isTaken ? ![401, 503].contains($0) : $0 == 401 }
            }
        }

        @Test("T08: keys are listed, rotated and retired in Redis, and both gateways follow")
        func keys() async throws {
            let (_, tokens) = try await logIn()
            let old = try Keys.kid(of: tokens.access)
            let added = try #require(
                try await object(["key", "rotate", "--publish-ahead", "5s"])["kid"] as? String)
            #expect(try await list(["key", "list"]).contains { $0["kid"] as? String == added })
            #expect(try await run(["key", "retire", old], exit: 65).contains("only key"))
            var next = tokens
            try await eventuallyTrue("the new key to sign", within: .seconds(10)) {
                next = try await logIn().tokens
                return try Keys.kid(of: next.access) == added
            }
            for token in [tokens.access, next.access] { try await eventually(token, isTaken: true, "T08: both keys") }
            _ = try await run(["key", "retire", old])
            try await eventually(tokens.access, isTaken: false, "T08: the old key is gone everywhere")
            try await eventually(next.access, isTaken: true, "the new one stays")
            #expect(try await run(["key", "retire", old], exit: 67).contains("no trusted key"))
        }

        @Test("clients are added, shown, counted and removed in Redis; what users allowed them ends everywhere")
        func clients() async throws {
            let (client, tokens) = try await logIn()
            let added = try await object(["client", "add", "Nightly", "--grant-types", "client_credentials"])
            let id = try #require(added["client_id"] as? String)
            let secret = try #require(added["client_secret"] as? String)
            let answer = try await pair.second.request(
                "POST", "/token",
                [
                    "Content-Type": "application/x-www-form-urlencoded", "Host": "localhost:\(pair.first.port)",
                    "Authorization": "Basic " + Data("\(id):\(secret)".utf8).base64EncodedString(),
                ], body: "grant_type=client_credentials")
            #expect(answer.status == 200, "\(answer.text)")
            #expect(
                try await run(
                    ["client", "add", "Twin", "--id", id, "--redirect-uri", "https://twin.test/cb"], exit: 65
                ).contains("already"))
            #expect(try await list(["client", "list"]).count == 2)
            #expect(try await object(["client", "show", client])["live_grants"] as? Int == 1)
            try await eventually(tokens.access, isTaken: true, "the token is good")
            #expect(try await run(["client", "remove", client]).contains("1 grant(s)"))
            try await eventually(tokens.access, isTaken: false, "T08: the client's tokens are dead")
            #expect(try await run(["client", "show", client], exit: 65).contains("no client"))
        }

        @Test("T08, U07: grants, sessions, API keys and accounts are listed and ended in Redis")
        func everythingOfAUser() async throws {
            let (client, tokens) = try await logIn()
            let grants = try await list(["grant", "list", "--user", EndToEnd.user, "--client", client])
            let grant = try #require(grants.first?["id"] as? String)
            let account = try await object(["user", "show", EndToEnd.user])
            #expect(grants.count == 1 && (account["grants"] as? [Any])?.count == 1)
            _ = try await run(["grant", "revoke", grant])
            try await eventually(tokens.access, isTaken: false, "T08: the grant has ended")
            #expect(try await run(["grant", "revoke", grant], exit: 65).contains("no live grant"))

            let session = try #require(try await list(["session", "list"]).first?["id"] as? String)
            _ = try await run(["session", "end", session])
            #expect(try await list(["session", "list"]).isEmpty)
            #expect(try await run(["session", "end", session], exit: 65).contains("no session"))

            let keys = [
                try await object(["token", "create", "--user", EndToEnd.user, "--name", "one"]),
                try await object(["token", "create", "--user", EndToEnd.user, "--name", "two"]),
            ]
            let texts = try keys.map { try #require($0["token"] as? String) }
            for text in texts { try await eventually(text, isTaken: true, "the key is good") }
            _ = try await run(["token", "revoke", try #require(keys[0]["id"] as? String)])
            try await eventually(texts[0], isTaken: false, "T08: the key has ended")
            try await eventually(texts[1], isTaken: true, "the other key has not")
            _ = try await run(["user", "disable", EndToEnd.user])
            try await eventually(texts[1], isTaken: false, "T08: with its user the other one, too")
            _ = try await run(["user", "enable", EndToEnd.user])
            _ = try await run(["user", "remove", EndToEnd.user])
            #expect(try await run(["user", "show", EndToEnd.user], exit: 67).contains("no user"))
        }

        @Test("counts and a purge are those of Redis, and no size of a file that is not there is told")
        func countsAndPurge() async throws {
            _ = try await logIn()
            let stats = try await object(["stats"])
            #expect(
                stats["users"] as? Int == 2 && stats["live_grants"] as? Int == 1 && stats["signing_keys"] as? Int == 3)
            #expect(stats["store_bytes"] == nil && (stats["audit_bytes"] as? Int ?? 0) > 0)
            let dry = try await object(["purge", "--dry-run"])
            let wet = try await object(["purge"])
            #expect(dry["dry_run"] as? Bool == true && wet["entries"] as? Int == dry["entries"] as? Int)
            for command in ["backup", "restore"] {
                #expect(try await run([command, pair.first.directory.file("copy")], exit: 78).contains("sqlite"))
            }
            try await pair.redis?.stop()
            #expect(try await run(["stats"], exit: 69).contains("the store did not answer"))
        }
    }
}
