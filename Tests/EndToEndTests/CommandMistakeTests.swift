import Foundation
import TestSupport
import Testing

extension EndToEnd.Commands {
    @Test("a mistake is told where it was made: a value forgotten, a subcommand mistyped, output that is lost")
    func mistakes() async throws {
        let place = try TemporaryDirectory()
        let forgotten = try await Self.run(["serve", "--config", "--data-dir", place.path], in: place)
        #expect(forgotten.exit == .exited(64) && forgotten.errors.contains("--config needs a value"))
        let last = try await Self.run(["check", "--config"], in: place)
        #expect(last.exit == .exited(64) && last.errors.contains("--config needs a value"))
        let mistyped = try await Self.run(["user", "lis", "--data-dir", place.file("none")], in: place)
        #expect(mistyped.exit == .exited(64), "\(mistyped.errors)")
        #expect(mistyped.errors.contains("did you mean \"list\"?") && !mistyped.errors.contains("store"))
        let file = try place.write("c.json", #"{"mcpServers":{"time":{"command":"cat"}}}"#)
        for (target, code) in [("> /dev/full", "74"), (">&-", "74")] {
            let shell = try RunningProgram(
                "/bin/bash", ["-c", "set -o pipefail; \(Checkout.binary) import \(file) \(target); echo code=$? >&2"],
                environment: GatewayProcess.environment(home: place.path), logs: place, name: "shell")
            try await shell.waitUntilExit(within: .seconds(20))
            #expect(shell.errors.contains("code=\(code)"), "\(target): \(shell.errors)")
        }
    }

    @Test("the link of user add leads to the gateway that runs, whatever address it was given")
    func linkOfARunningGateway() async throws {
        let gateway = try await EndToEnd.gateway()
        let added = try await gateway.command(["user", "add", "dora"])
        #expect(added.output.contains("\(gateway.origin)/setup?link="), "\(added.output)")
        let link = try #require(added.output.split(separator: "link=").last).trimmingCharacters(
            in: .whitespacesAndNewlines)
        #expect(try await gateway.request("GET", "/setup?link=\(link)").status == 200)
    }
}
