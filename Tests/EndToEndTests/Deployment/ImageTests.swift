import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The image that Containerfile makes, on a Debian made here, by buildah; run as its own settings say, with a configuration
    /// mounted over its own.
    @Suite(
        "Image", .enabled(if: SystemCommand.canBeRoot, "neither root nor sudo without a password"),
        .timeLimit(.minutes(8)))
    struct ImageTests {
        /// buildah's own storage, for one test.
        private final class Storage {
            let path = NSTemporaryDirectory() + "sallyport-images-\(UUID().uuidString.prefix(8))"
            let programs = TemporaryPrograms()

            deinit {
                programs.end()
                let words = SystemCommand.rootWords(["/bin/rm", "-rf", path])
                // What is left of it belongs to root, and in the system's temporary space it harms nobody.
                _ = try? RunningProgram.run(words[0], Array(words.dropFirst()))
            }

            func words(_ arguments: [String]) -> [String] {
                ["buildah", "--root", path + "/root", "--runroot", path + "/run", "--storage-driver", "vfs"] + arguments
            }

            @discardableResult
            func need(_ arguments: [String]) async throws -> String {
                try await SystemCommand.need(words(arguments), asRoot: true, within: .seconds(180))
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
        }

        /// The image's settings as a runtime sees them.
        private static func settings(of storage: Storage) async throws -> [String: Any] {
            let text = try await storage.need(["inspect", "--type", "image", "localhost/sallyport"])
            let whole = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let docker = whole?["Docker"] as? [String: Any]
            return try #require(docker?["config"] as? [String: Any])
        }

        @Test("the image builds, runs without privileges, keeps its state in its volume and knows when it is not well")
        func image() async throws {
            let storage = Storage()
            let context = try TemporaryDirectory("context")
            try await SystemCommand.need(["cp", try await DebianArtifacts.shared.package(), context.path])
            let base = try await storage.need(["from", "scratch"])
            try await storage.need(["copy", "--quiet", base, try await DebianArtifacts.shared.root(), "/"])
            try await storage.need(["commit", "--quiet", "--rm", base, "localhost/debian"])
            try await storage.need([
                "build", "--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/debian",
                "--tag", "localhost/sallyport", "--file", Checkout.root + "/Containerfile", context.path,
            ])

            let settings = try await Self.settings(of: storage)
            #expect(settings["User"] as? String == "10001:10001")
            #expect((settings["Volumes"] as? [String: Any])?.keys.sorted() == ["/var/lib/sallyport"])
            let check = (settings["Healthcheck"] as? [String: Any])?["Test"] as? [String] ?? []
            let entry = settings["Entrypoint"] as? [String] ?? []
            let command = settings["Cmd"] as? [String] ?? []
            try #require(check.first == "CMD" && !entry.isEmpty && command.first == "serve")

            // As `docker run` does, with a file of the operator's.
            let port = try FreePort.find()
            let file = try context.write(
                "sallyport.yaml",
                "public_url: http://localhost:\(port)\nlisten: 0.0.0.0:\(port)\ndata_dir: /var/lib/sallyport\n",
                mode: 0o644)
            let container = try await storage.need(["from", "localhost/sallyport"])
            let run = [
                "run", "--isolation", "chroot", "--volume", "\(file):/etc/sallyport/sallyport.yaml:ro", container, "--",
            ]
            let inside = { (words: [String], input: String) in
                try await SystemCommand.run(storage.words(run + words), asRoot: true, input: input)
            }
            #expect(try await !inside(Array(check.dropFirst()), "").hasSucceeded, "nothing runs yet")
            let added = try await inside(
                entry + [
                    "user", "add", EndToEnd.user, "--password-stdin", "--config", "/etc/sallyport/sallyport.yaml",
                ],
                EndToEnd.password + "\n")
            #expect(added.hasSucceeded, "\(added.text)")
            let program = try storage.programs.start(
                SystemCommand.rootWords(storage.words(run + entry + command)))
            try await eventuallyTrue("the container to be ready; it wrote: \(program.errors)", within: .seconds(30)) {
                if let exit = program.exit {
                    throw PlainBrowser.WalkError(description: "the container ended (\(exit)): \(program.errors)")
                }
                return try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/ready").status) == 200 }
            }
            let well = try await inside(Array(check.dropFirst()), "")
            #expect(well.hasSucceeded && well.output.hasPrefix("ready"), "\(well.text)")
            let walk = OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password, resource: "/demo/mcp")
            let text = try await onThread {
                let token = try walk.logIn().tokens.access
                return try PlainMCP.opened(
                    port: port, path: "/demo/mcp", token: token, version: "2025-06-18", capabilities: "{}"
                ).call("echo", id: 7, #"{"message": "from the image"}"#).text
            }
            #expect(text == "from the image")
            let who = try await inside(["sh", "-c", "id -u; touch /etc/sallyport/x /usr/x /x"], "")
            #expect(who.output == "10001\n" && !who.hasSucceeded, "\(who.text)")

            // The number of the gateway is that of a process of ours: isolation by chroot has no other.
            let gateway = try #require(
                ProcessTable.descendants(of: program.pid).first {
                    ProcessTable.commandLine($0).hasPrefix(entry[0] + " serve")
                        || ProcessTable.commandLine($0).hasPrefix(entry[0] + "\0serve")
                })
            try await SystemCommand.need(["kill", "-TERM", String(gateway)], asRoot: true)
            try await program.waitUntilExit(within: .seconds(20))
            #expect(program.errors.contains("\"message\":\"stopped\""), "\(program.errors.suffix(500))")
            #expect(try await !inside(Array(check.dropFirst()), "").hasSucceeded, "nothing runs any more")
        }
    }
}
