import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The Debian package, in a Debian that has nothing but what the package names. There is no systemd in it: the program is
    /// started as the unit would start it, and the unit itself is judged by systemd's own tools.
    @Suite(
        "Package", .enabled(if: SystemCommand.canBeRoot, "neither root nor sudo without a password"),
        .timeLimit(.minutes(8)))
    struct PackageTests {
        private static let configuration = "/etc/sallyport/sallyport.yaml"
        private static let files = [configuration, "/lib/systemd/system/sallyport.service", "/usr/bin/sallyport"]

        /// A started service on a port of its own.
        private static func start(_ root: DebianRoot, port: Int) async throws -> RunningProgram {
            let program = try root.start(
                DebianRoot.asService(["/usr/bin/sallyport", "serve", "--config", configuration]))
            try await eventuallyTrue("the service to be ready; it wrote: \(program.errors)", within: .seconds(20)) {
                if let exit = program.exit {
                    throw PlainBrowser.WalkError(description: "the service ended (\(exit)): \(program.errors)")
                }
                return try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/ready").status) == 200 }
            }
            return program
        }

        private static func stop(_ program: RunningProgram) async throws {
            program.signal(SIGTERM)
            #expect(try await program.waitUntilExit(within: .seconds(20)) == .exited(0), "\(program.errors)")
        }

        /// Logs in and calls a tool of the demo server, which runs as a child of the service.
        private static func call(port: Int) async throws -> String? {
            let walk = OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password, resource: "/demo/mcp")
            return try await onThread {
                let token = try walk.logIn().tokens.access
                let session = try PlainMCP.opened(
                    port: port, path: "/demo/mcp", token: token, version: "2025-06-18", capabilities: "{}")
                return try session.call("echo", id: 7, #"{"message": "from the package"}"#).text
            }
        }

        @Test("the package installs, serves as its user, keeps its state over an upgrade and a removal, and purges it")
        func lifeOfAPackage() async throws {
            let package = try await DebianArtifacts.shared.package()
            let root = try await DebianRoot()
            let port = try FreePort.find()

            // 1. Installed: an account, a folder that is closed to others, a configuration that holds.
            try await root.install(package)
            let user = try await root.need(["getent", "passwd", "sallyport"])
            #expect(user.contains(":/var/lib/sallyport:/usr/sbin/nologin"), "\(user)")
            let modes = try await root.need(["stat", "-c", "%a %U:%G", "/var/lib/sallyport", "/etc/sallyport"])
            #expect(modes == "700 sallyport:sallyport\n750 root:sallyport\n")
            let service = { (words: [String]) in DebianRoot.asService(["/usr/bin/sallyport"] + words) }
            let administer = { (words: [String], input: String) in
                try await root.need(service(words + ["--config", Self.configuration]), input: input)
            }
            #expect(try await administer(["check"], "").contains("is fine"))

            // 2. It serves as its user, with a child, and stops in order.
            try await root.need(["sed", "-i", "s/:8080$/:\(port)/", Self.configuration])
            #expect(try await !root.run(service(["health", "--config", Self.configuration])).hasSucceeded)
            _ = try await administer(["user", "add", EndToEnd.user, "--password-stdin"], EndToEnd.password + "\n")
            var program = try await Self.start(root, port: port)
            #expect(try await Self.call(port: port) == "from the package")
            #expect(try await administer(["health"], "").hasPrefix("ready"))
            try await Self.stop(program)

            // 3. A newer package: configuration and state are the old ones, whatever was done to the folders.
            try await root.need(["chmod", "0711", "/etc/sallyport"])
            try await root.need(
                ["dpkg-statoverride", "--add", "root", "sallyport", "0711", "/etc/sallyport"])
            let next = try await DebianArtifacts.shared.package(version: "0.1.0+next")
            try await root.install(next)
            try await root.install(next)
            #expect(try await root.need(["dpkg-query", "-W", "-f", "${Version}", "sallyport"]) == "0.1.0+next")
            #expect(try await root.need(["stat", "-c", "%a", "/etc/sallyport"]) == "711\n")
            program = try await Self.start(root, port: port)
            #expect(try await Self.call(port: port) == "from the package")
            try await Self.stop(program)

            // 4. Removed: the program is gone, nothing else; installed again it goes on.
            try await root.need(["dpkg", "--remove", "sallyport"])
            let left = try await root.run(["ls", "-d"] + Self.files + ["/var/lib/sallyport/sallyport.db"])
            #expect(left.output == "\(Self.configuration)\n/var/lib/sallyport/sallyport.db\n", "\(left.text)")
            try await root.install(next)
            #expect(try await administer(["user", "list"], "").contains(EndToEnd.user))

            // 5. Purged: no state, no configuration; the account stays, so that nobody else gets its number.
            try await root.need(["dpkg", "--purge", "sallyport"])
            let rest = try await root.run(["ls", "-d", "/var/lib/sallyport", "/etc/sallyport"])
            #expect(rest.output.isEmpty, "\(rest.text)")
            try await root.need(["getent", "passwd", "sallyport"])
            try await root.install(next)
            #expect(try await administer(["check"], "").contains("is fine"), "and it can begin anew")
        }

        @Test("the package has what lintian wants to see, a page for every command, and no Swift to ask for")
        func contents() async throws {
            let package = try await DebianArtifacts.shared.package()
            let lintian = try await SystemCommand.run([
                "lintian", "--allow-root", "--fail-on", "error,warning", package,
            ])
            #expect(lintian.hasSucceeded && lintian.output.isEmpty, "\(lintian.text)")

            let place = try TemporaryDirectory("package")
            try await SystemCommand.need(["dpkg-deb", "--extract", package, place.path])
            let page = try await SystemCommand.need(["zcat", place.file("usr/share/man/man1/sallyport.1.gz")])
            let overview = try await SystemCommand.need([Checkout.binary, "--help"])
            let commands = overview.split(separator: "\n").filter { $0.hasPrefix("  ") }
                .compactMap { $0.split(separator: " ").first.map(String.init) }
            #expect(commands.count > 15)
            for command in commands { #expect(page.contains(".SS \(command)\n"), "\(command)") }
            let size = try await SystemCommand.need(["dpkg-deb", "--field", package, "Installed-Size"])
            let kilobytes = Int(size.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .max
            #expect(kilobytes < 64 * 1024, "\(size)")
            let linked = try await SystemCommand.need(["readelf", "-d", place.file("usr/bin/sallyport")])
            #expect(!linked.contains("libswift") && linked.contains("libuv"), "\(linked)")
        }

        @Test("package-deb refuses a program that needs the Swift runtime of this machine")
        func dynamic() async throws {
            let place = try TemporaryDirectory("package")
            let refused = try await SystemCommand.run(
                [Checkout.root + "/Scripts/package-deb", "--output", place.path],
                environment: ["SALLYPORT_BINARY": Checkout.binary])
            #expect(refused.exit == .exited(65) && refused.errors.contains("--static-swift-stdlib"), "\(refused.text)")
        }

        @Test("systemd finds nothing wrong with the unit, and little to reach from it")
        func unit() async throws {
            let place = try TemporaryDirectory("unit")
            let path = Checkout.root + "/Packaging/debian/sallyport.service"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            // The command must be there when it looks.
            let unit = try place.write(
                "sallyport.service", text.replacingOccurrences(of: "/usr/bin/sallyport", with: Checkout.binary))
            let verified = try await SystemCommand.run(["systemd-analyze", "verify", "--man=no", unit])
            #expect(verified.hasSucceeded && verified.errors.isEmpty, "\(verified.text)")
            let judged = try await SystemCommand.run(
                ["systemd-analyze", "security", "--offline=yes", "--threshold=35", "--no-pager", unit])
            #expect(judged.hasSucceeded, "\(judged.output.suffix(200)) \(judged.errors)")
            // What the launcher and the limits of servers need.
            for line in ["Type=notify", "Delegate=cpu memory pids", "KillMode=mixed", "OOMPolicy=continue"] {
                #expect(text.contains("\n\(line)\n"), "\(line)")
            }
            #expect(!text.contains("\nMemoryDenyWriteExecute") && !text.contains("\nProtectControlGroups"))
        }
    }
}
