import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `backup` and `restore` around a gateway with users and tokens.
    @Suite("Backup", .timeLimit(.minutes(5)))
    struct BackupTests {
        @Test("F13: a gateway restored from a backup made while it ran knows its users and its tokens")
        func restored() async throws {
            let gateway = try await EndToEnd.gateway()
            let (client, tokens) = try await EndToEnd.logIn(gateway)
            let file = gateway.directory.file("backup.db")
            let made = try await gateway.command(["backup", file, "--json"])
            #expect(made.exit == .exited(0) && made.output.contains("\"schema_version\""), "\(made.errors)")
            #expect(try await gateway.command(["backup", file]).exit == .exited(73), "it is there already")

            let missing = try await gateway.command(["restore", "/nowhere/file", "--dry-run"])
            #expect(missing.exit == .exited(73) && missing.errors.contains("name a file"), "\(missing.errors)")
            let early = try await gateway.command(["restore", file, "--replace"])
            #expect(early.exit == .exited(73) && early.errors.contains("in use"), "\(early.errors)")
            try await gateway.addUser("bob", password: EndToEnd.password)
            try await gateway.terminate()

            let dry = try await gateway.command(["restore", file, "--dry-run"])
            #expect(dry.exit == .exited(0) && dry.output.contains("can be restored"), "\(dry.errors)")
            #expect(try await gateway.command(["restore", file]).exit == .exited(73), "there is a store")
            #expect(try await gateway.command(["user", "list"]).output.contains("bob"), "nothing changed")
            let done = try await gateway.command(["restore", file, "--replace"])
            #expect(done.exit == .exited(0) && done.output.contains("was there before"), "\(done.errors)")

            try await gateway.start()
            #expect(try await !gateway.command(["user", "list"]).output.contains("bob"))
            let walk = EndToEnd.walk(gateway)
            let refreshed = try await onThread { try walk.refresh(tokens.refresh, client: client) }
            #expect(refreshed.status == 200, "the keys and grants are the old ones: \(refreshed.text)")
            _ = try await EndToEnd.session(gateway, token: try OAuthWalk.pair(in: refreshed).access)
        }

        @Test("F13: what an authority issued is copied with the key, and comes back closed to others")
        func certificates() async throws {
            let gateway = try await EndToEnd.gateway()
            let folder = gateway.dataDirectory + "/acme"
            let manager = FileManager.default
            try manager.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for name in ["account.pem", "certificate.pem"] {
                let made = manager.createFile(
                    atPath: "\(folder)/\(name)", contents: Data("old \(name)".utf8),
                    attributes: [.posixPermissions: 0o600])
                try #require(made)
            }
            let (whole, bare) = (gateway.directory.file("whole.db"), gateway.directory.file("bare.db"))
            #expect(try await gateway.command(["backup", whole]).exit == .exited(0))
            #expect(try await gateway.command(["backup", bare, "--without-key"]).exit == .exited(0))
            #expect(!manager.fileExists(atPath: bare + ".certificate.pem"), "private keys go the way of the key")
            try await gateway.terminate()
            try Data("new account.pem".utf8).write(to: URL(fileURLWithPath: folder + "/account.pem"))
            try manager.removeItem(atPath: folder + "/certificate.pem")
            let done = try await gateway.command(["restore", whole, "--replace"])
            #expect(done.exit == .exited(0) && done.output.contains("account.pem.replaced-"), "\(done)")
            for name in ["account.pem", "certificate.pem"] {
                let file = "\(folder)/\(name)"
                #expect(try String(contentsOfFile: file, encoding: .utf8) == "old \(name)")
                #expect(try manager.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
            }
            #expect(try await gateway.command(["backup", whole, "--replace"]).exit == .exited(0))
        }

        @Test("T08: --end-grants lets nothing of the backup live but the accounts")
        func endGrants() async throws {
            let gateway = try await EndToEnd.gateway()
            let (client, tokens) = try await EndToEnd.logIn(gateway)
            let file = gateway.directory.file("backup.db")
            _ = try await gateway.command(["backup", file])
            try await gateway.terminate()
            let done = try await gateway.command(["restore", file, "--replace", "--end-grants"])
            #expect(done.exit == .exited(0), "\(done.errors)")
            try await gateway.start()
            let walk = EndToEnd.walk(gateway)
            #expect(try await onThread { try walk.refresh(tokens.refresh, client: client).status } == 400)
            let answer = try await gateway.request(
                "POST", "/demo/mcp", ["Authorization": "Bearer \(tokens.access)", "Content-Type": "application/json"])
            #expect(answer.status == 401)
            _ = try await EndToEnd.logIn(gateway)
        }

        @Test("S02: without its key a backup is of no use to anybody, and restoring it says what is missing")
        func withoutKey() async throws {
            let gateway = try await EndToEnd.gateway()
            let file = gateway.directory.file("backup.db")
            let made = try await gateway.command(["backup", file, "--without-key"])
            #expect(made.exit == .exited(0) && !FileManager.default.fileExists(atPath: file + ".key"))
            let empty = ["--data-dir", gateway.directory.file("empty")]
            let refused = try await gateway.command(["restore", file] + empty, dataDirectory: false)
            #expect(refused.exit == .exited(65) && refused.errors.contains("sealing key"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: gateway.directory.file("empty/sallyport.db")))
            let key = gateway.directory.file("data/master.key")
            let done = try await gateway.command(["restore", file, "--key", key] + empty, dataDirectory: false)
            #expect(done.exit == .exited(0), "\(done.errors)")
            let users = try await gateway.command(["user", "list"] + empty, dataDirectory: false)
            #expect(users.output.contains(EndToEnd.user))
        }
    }
}
