import Foundation
import TestSupport
import Testing

extension EndToEnd.Commands {
    @Test("the gateway alone has the variables (EnvironmentFile of systemd): administration works without them")
    func environmentOfTheGateway() async throws {
        let servers = """
            servers:
              demo: {command: \(Checkout.binary), args: [demo-server], env: {KEY: "${DEMO_KEY}"}}
              away: {url: "https://${AWAY_HOST}/mcp", headers: {x-key: "${AWAY_KEY}"}}
            """
        let names = ["DEMO_KEY": "one", "AWAY_HOST": "away.invalid", "AWAY_KEY": "three"]
        let gateway = try GatewayProcess(configuration: servers, environment: names)
        try await gateway.start()
        let file = gateway.directory.file("sallyport.yaml")
        let place = try TemporaryDirectory()
        func run(_ words: [String], input: String = "") async throws -> RunningProgram {
            let program = try RunningProgram(
                Checkout.binary, words + ["--config", file], environment: GatewayProcess.environment(home: place.path),
                in: place.path, logs: place, name: "command", input: try place.write("input", input))
            try await program.waitUntilExit(within: .seconds(20))
            return program
        }
        let data = ["--data-dir", gateway.dataDirectory]
        let added = try await run(["user", "add", "vera", "--password-stdin"] + data, input: EndToEnd.password + "\n")
        #expect(added.exit == .exited(0), "\(added.errors)")
        for words in [
            ["user", "list"], ["audit", "query"], ["audit", "verify"], ["stats"], ["client", "list"], ["key", "list"],
            ["session", "list"], ["grant", "list"], ["token", "list"], ["policy", "pins"], ["purge", "--dry-run"],
            ["policy", "explain", "--user", "vera", "--tool", "away:x"], ["backup", place.file("copy.db")],
        ] {
            let done = try await run(words + data)
            #expect(done.exit == .exited(0), "\(words): \(done.errors)")
            #expect(!done.errors.contains("not set"), "\(words): \(done.errors)")
        }
        let health = try await run(["health", "--listen", "127.0.0.1:\(gateway.port)"])
        #expect(health.exit == .exited(0), "\(health.errors)")

        let check = try await run(["check"] + data)
        #expect(check.exit == .exited(78))
        for name in names.keys { #expect(check.errors.contains("the environment variable \(name) is not set")) }
        #expect(check.errors.contains("--allow-unset"))
        let noted = try await run(["check", "--allow-unset"] + data)
        #expect(noted.exit == .exited(0), "\(noted.errors)")
        for name in names.keys { #expect(noted.errors.contains("the environment variable \(name) is not set")) }
    }

    @Test("a store whose address is not known is told, and no other store is made in its place")
    func environmentOfTheStore() async throws {
        let place = try TemporaryDirectory()
        let file = try place.write("c.yaml", "storage: ${REDIS_URL}\nsealing_key: ${SEAL}\n")
        for words in [["user", "list"], ["audit", "query"], ["stats"], ["backup", place.file("copy.db")]] {
            let refused = try await Self.run(words + ["--config", file, "--data-dir", place.file("data")], in: place)
            #expect(refused.exit == .exited(78), "\(words): \(refused.errors)")
            #expect(refused.errors.contains("storage: the environment variable REDIS_URL is not set"))
            #expect(refused.errors.contains("this command needs it"))
        }
        #expect(!FileManager.default.fileExists(atPath: place.file("data")))
    }
}
