import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// API keys, from the shell to the tool.
    @Suite("API keys")
    struct APIKeys {
        @Test("T08: a key from the shell opens the tools, and is refused a second after it was revoked")
        func life() async throws {
            let gateway = try await EndToEnd.gateway()
            let made = try await gateway.command(["token", "create", "--user", EndToEnd.user, "--name", "ci", "--json"])
            #expect(made.exit == .exited(0), "\(made.errors)")
            let key = try #require(
                JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any], "\(made.output)")
            let token = try #require(key["token"] as? String)
            let id = try #require(key["id"] as? String)
            let session = try await EndToEnd.session(gateway, token: token)
            let who = try await onThread { try session.call("whoami") }
            #expect("\(who.messages)".contains(EndToEnd.user))

            let listed = try await gateway.command(["token", "list", "--user", EndToEnd.user, "--json"])
            #expect(listed.output.contains(id) && !listed.output.contains(token))
            let table = try await gateway.command(["token", "list"])
            #expect(table.output.contains("active") && !table.output.contains(token))
            let revoked = try await gateway.command(["token", "revoke", id])
            #expect(revoked.exit == .exited(0), "\(revoked.errors)")
            try await eventuallyTrue("the key to be refused", within: .seconds(1)) {
                try await gateway.request("POST", "/demo/mcp", ["Authorization": "Bearer \(token)"]).status == 401
            }
            #expect(try await gateway.command(["token", "list"]).output.contains("revoked"))
            #expect(!gateway.log.contains(token), "O02")
        }

        @Test("U07: the keys of a disabled user are refused within a second")
        func disabled() async throws {
            let gateway = try await EndToEnd.gateway()
            let made = try await gateway.command(
                ["token", "create", "--user", EndToEnd.user, "--resource", "demo", "--expires", "1h"])
            let token = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(token.hasPrefix("sp_key_"), "\(made.errors)")
            _ = try await EndToEnd.session(gateway, token: token)
            _ = try await gateway.command(["user", "disable", EndToEnd.user])
            try await eventuallyTrue("the key to be refused", within: .seconds(1)) {
                try await gateway.request("POST", "/demo/mcp", ["Authorization": "Bearer \(token)"]).status == 401
            }
        }

        @Test("what is wrong with a wish for a key is said, and nothing is made")
        func refusals() async throws {
            let gateway = try await EndToEnd.gateway()
            for (words, code, text) in [
                (["create"], 64, "--user is missing"), (["create", "--user", "nobody"], 67, "no user named nobody"),
                (["create", "--user", EndToEnd.user, "--resource", "nothing"], 65, "no server nothing"),
                (["create", "--user", EndToEnd.user, "--expires", "soon"], 64, "not a duration"),
                (["revoke", "key_none"], 65, "no key key_none"), (["crate"], 64, "did you mean \"create\""),
            ] {
                let result = try await gateway.command(["token"] + words)
                #expect(result.exit == .exited(Int32(code)), "\(words): \(result.errors)")
                #expect(result.errors.contains(text), "\(words): \(result.errors)")
            }
            #expect(try await gateway.command(["token", "list"]).output.contains("no keys"))
        }
    }
}
