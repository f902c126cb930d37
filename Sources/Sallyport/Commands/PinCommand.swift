import AuthorizationServer
import Telemetry

/// `sallyport policy pins`: which definitions of tools are approved.
enum PinCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--server", "--digest"], flags: ["--json", "--all"],
        words: ["SUBCOMMAND", "SERVER", "TOOL"], wordsAreOptional: true)

    private static let subcommands = ["list", "show", "approve", "forget"]

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let word = arguments.words.first ?? "list"
        guard subcommands.contains(word) else { throw arguments.misuse(of: "policy pins", known: subcommands) }
        let act = try act(word, arguments)
        return try AdministeredStore.run(arguments, environment: environment, label: "policy") { opened in
            try await act(PinAdministration(store: opened.store, audit: opened.audit, clock: .system))
        }
    }

    private static func act(
        _ word: String, _ arguments: ParsedArguments
    ) throws(CommandFailure) -> @Sendable (PinAdministration) async throws -> Void {
        try check(word, arguments)
        let isJSON = arguments.has("--json")
        let server = arguments.words.count > 1 ? arguments.words[1] : ""
        let tool = arguments.words.count > 2 ? arguments.words[2] : nil
        switch word {
        case "list":
            return { pins in
                let all = try await pins.all(of: arguments["--server"])
                Console.say(isJSON ? PinListing.json(all) : PinListing.table(all))
            }
        case "show":
            return { pins in
                let pin = try await pins.pin(of: tool ?? "", at: server)
                Console.say(isJSON ? PinListing.json(pin) : PinListing.text(pin))
            }
        case "approve":
            return { pins in
                let approved = try await pins.approve(tool, of: server, digest: arguments["--digest"])
                guard !isJSON else { return Console.say(PinListing.json(approved)) }
                Console.say(approved.isEmpty ? "nothing waits for approval" : PinListing.table(approved))
            }
        default:
            return { pins in
                let count = try await pins.forget(tool, of: server)
                Console.say(isJSON ? "{\"forgotten\":\(count)}" : "forgot \(count) tool(s)")
            }
        }
    }

    private static func check(_ word: String, _ arguments: ParsedArguments) throws(CommandFailure) {
        func misuse(_ message: String) -> CommandFailure {
            CommandFailure(code: .usage, message: message, hint: "sallyport policy --help")
        }
        let count = arguments.words.count
        switch word {
        case "list": if count > 1 { throw misuse("unexpected \"\(arguments.words[1])\"") }
        case "show": if count < 3 { throw misuse(count < 2 ? "SERVER is missing" : "TOOL is missing") }
        default:
            if count < 2 { throw misuse("SERVER is missing") }
            if word == "approve", (count < 3) != arguments.has("--all") { throw misuse("name a TOOL, or say --all") }
        }
        if arguments["--digest"] != nil, word != "approve" || count < 3 {
            throw misuse("--digest belongs to approve TOOL")
        }
        if arguments.has("--all"), word != "approve" { throw misuse("--all belongs to approve") }
        if arguments["--server"] != nil, word != "list" { throw misuse("--server belongs to the listing") }
    }
}
