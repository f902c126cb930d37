import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// The commands, as a person at a shell meets them.
    @Suite("Commands")
    struct Commands {
        /// Runs the program with `arguments` in a folder of its own.
        static func run(
            _ arguments: [String], in place: TemporaryDirectory, environment: [String: String] = [:]
        ) async throws -> RunningProgram {
            let program = try RunningProgram(
                Checkout.binary, arguments,
                environment: GatewayProcess.environment(home: place.path).merging(environment) { $1 }, in: place.path,
                logs: place, name: "command")
            try await program.waitUntilExit(within: .seconds(20))
            return program
        }

        @Test("--help and --version can be used by a person; a wrong command says so")
        func help() async throws {
            let place = try TemporaryDirectory()
            let help = try await Self.run(["--help"], in: place)
            #expect(help.exit == .exited(0))
            for command in ["serve", "run", "bridge", "check", "import", "user", "key", "token", "demo-server"] {
                #expect(help.output.contains(command), "\(command)")
                let own = try await Self.run([command, "--help"], in: place)
                #expect(own.exit == .exited(0) && own.output.contains("usage: sallyport \(command)"), "\(command)")
            }
            let version = try await Self.run(["--version"], in: place)
            #expect(version.output.contains(/^sallyport \d+\.\d+\.\d+/))
            let wrong = try await Self.run(["sevre"], in: place)
            #expect(wrong.exit != .exited(0) && wrong.output.isEmpty && !wrong.errors.isEmpty)
        }

        @Test("O03: check tells all errors at once, each with path and hint, and exits 78")
        func check() async throws {
            let place = try TemporaryDirectory()
            let file = try place.write(
                "sallyport.yaml",
                "listn: 1\nservers:\n  a b: {command: x}\n  t: {command: cat, timeout: banana}\npublic_url: ftp://x\n")
            let check = try await Self.run(["check", "--config", file], in: place)
            #expect(check.exit == .exited(78))
            for place in ["listn", "servers.a b", "servers.t.timeout", "public_url"] {
                #expect(check.errors.contains(place), "\(place) is missing in: \(check.errors)")
            }
            #expect(check.errors.contains("hint:") && check.errors.contains("did you mean \"listen\""))
            let serve = try await Self.run(["serve", "--config", file], in: place)
            #expect(serve.exit == .exited(78), "serve refuses what check refuses")
            let good = try place.write("good.yaml", "servers:\n  demo: {command: cat}\n")
            #expect(try await Self.run(["check", "--config", good], in: place).exit == .exited(0))
            #expect(try await Self.run(["check"], in: place).exit == .exited(0), "the built-in default")
        }

        @Test("every example loads")
        func examples() async throws {
            let folder = Checkout.root + "/Examples"
            let place = try TemporaryDirectory()
            var loaded = 0
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
                for file in ["sallyport.yaml", "claude_desktop_config.json"] {
                    let path = "\(folder)/\(name)/\(file)"
                    guard FileManager.default.fileExists(atPath: path) else { continue }
                    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
                    // As the compose file does from its .env.
                    let copy = try place.write(
                        "\(name)-\(file)", text.replacingOccurrences(of: "${BASE_DOMAIN}", with: "example.com"))
                    let check = try await Self.run(["check", "--config", copy], in: place)
                    #expect(check.exit == .exited(0), "\(name)/\(file): \(check.errors)")
                    loaded += 1
                }
            }
            #expect(loaded >= 2)
        }

        @Test("import turns an mcpServers file into a configuration that check accepts")
        func importing() async throws {
            let place = try TemporaryDirectory()
            let file = try place.write(
                "claude_desktop_config.json",
                #"{"mcpServers":{"time":{"command":"cat","args":["-u","${TZ_NAME}"],"env":{"TZ":"UTC"}}}}"#)
            let imported = try await Self.run(["import", file], in: place)
            #expect(imported.exit == .exited(0), "\(imported.errors)")
            #expect(imported.output.contains("${TZ_NAME}"), "variables stay references")
            let yaml = try place.write("sallyport.yaml", imported.output)
            let check = try await Self.run(["check", "--config", yaml], in: place, environment: ["TZ_NAME": "x"])
            #expect(check.exit == .exited(0), "\(check.errors)")
        }

        @Test("user add, list, passwd, disable, enable and remove work while the gateway runs")
        func users() async throws {
            let gateway = try await EndToEnd.gateway()
            let first = try await EndToEnd.logIn(gateway)
            #expect(!first.tokens.access.isEmpty)
            let listed = try await gateway.command(["user", "list", "--json"])
            #expect(listed.exit == .exited(0) && listed.output.contains(EndToEnd.user), "\(listed)")
            #expect(!listed.output.contains("scrypt"), "no hash leaves the store")
            let changed = try await gateway.command(
                ["user", "passwd", EndToEnd.user, "--password-stdin"], input: "another long one\n")
            #expect(changed.exit == .exited(0), "\(changed.errors)")
            await #expect(throws: (any Error).self) { try await EndToEnd.logIn(gateway) }
            _ = try await EndToEnd.logIn(gateway, as: EndToEnd.user, "another long one")
            let short = try await gateway.command(["user", "add", "carol", "--password-stdin"], input: "short\n")
            #expect(short.exit != .exited(0))
            #expect(try await gateway.command(["user", "disable", EndToEnd.user]).exit == .exited(0))
            await #expect(throws: (any Error).self) {
                try await EndToEnd.logIn(gateway, as: EndToEnd.user, "another long one")
            }
            #expect(try await gateway.command(["user", "enable", EndToEnd.user]).exit == .exited(0))
            #expect(try await gateway.command(["user", "remove", EndToEnd.user]).exit == .exited(0))
            let left = try await gateway.command(["user", "list", "--json"])
            #expect(!left.output.contains("\"\(EndToEnd.user)\""), "\(left.output)")
        }

        @Test("run protects one server under its name")
        func runCommand() async throws {
            let gateway = try GatewayProcess(
                command: ["run", "--name", "clock"],
                commandTail: ["--", Checkout.pythonProgram("mcp-server-time"), "--local-timezone", "UTC"])
            try await gateway.start()
            try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
            let refused = try await gateway.request("POST", "/clock/mcp", body: PlainMCP.request("ping", id: 1))
            #expect(refused.status == 401)
            #expect(refused.header("www-authenticate")?.contains("resource_metadata=") == true)
            let token = try await EndToEnd.logIn(gateway, to: "/clock/mcp").tokens.access
            let client = try await EndToEnd.session(gateway, "/clock/mcp", token: token)
            let answer = try await ChildFaults.call(client, "get_current_time", id: 2, #"{"timezone":"UTC"}"#)
            #expect(answer.text?.contains("UTC") == true, "\(answer.messages)")
        }

        @Test("bridge serves one server without OAuth, and honours SERVER_COMMAND", arguments: [true, false])
        func bridge(byVariable: Bool) async throws {
            let gateway = try GatewayProcess(
                command: ["bridge"], commandTail: byVariable ? [] : ["--", Checkout.binary, "demo-server"],
                environment: byVariable ? ["SERVER_COMMAND": "\(Checkout.binary) demo-server"] : [:])
            try await gateway.start()
            let port = gateway.port
            let client = try await onThread { try PlainMCP.opened(port: port, path: "/mcp", token: nil) }
            let answer = try await ChildFaults.call(client, "add", id: 2, #"{"a":40,"b":2}"#)
            #expect(answer.text == "42", "\(answer.messages)")
            let rebound = try await onThread {
                try PlainHTTP.exchange(port: port, "POST", "/mcp", ["Host": "evil.test"], body: Array("{}".utf8))
            }
            #expect(rebound.status == 421, "H06 holds without OAuth: \(rebound.status)")
        }

        @Test("the first start prints a setup link that works once; the data directory is closed to others")
        func setupLink() async throws {
            let gateway = try GatewayProcess()
            try await gateway.start()
            try await gateway.logs("/setup")
            let log = gateway.log
            let match = try #require(log.firstMatch(of: /http:\/\/[^\s"]*\/setup[^\s"]*/), "no link in: \(log)")
            let link = String(match.0).replacingOccurrences(of: "\\/", with: "/")
            let port = gateway.port
            let host = try #require(URLComponents(string: link)?.host)
            try await onThread {
                let browser = PlainBrowser(port: port, host: host)
                let page = try browser.send("GET", link)
                var form = try #require(PageForm.all(in: page.text).first, "\(page.status) \(page.text)")
                for index in form.fields.indices where form.fields[index].type == "password" {
                    form.fields[index].value = "a password of my own"
                }
                let done = try browser.submit(form, on: link, pressing: nil)
                #expect(done.status < 400, "\(done.status) \(done.text)")
                let again = try PlainBrowser(port: port, host: host).send("GET", link)
                #expect(again.status >= 400, "the link works once: \(again.status)")
            }
            let folder = try FileManager.default.attributesOfItem(atPath: gateway.directory.file("data"))
            #expect(folder[.posixPermissions] as? Int == 0o700)
            for name in try FileManager.default.subpathsOfDirectory(atPath: gateway.directory.file("data")) {
                let path = gateway.directory.file("data/\(name)")
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
                #expect(attributes[.posixPermissions] as? Int == 0o600, "S02: \(name)")
            }
        }
    }
}
