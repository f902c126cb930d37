import AuthorizationServer
import Telemetry

/// `sallyport grant`: what users allowed clients, and taking it back.
enum GrantCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--user", "--client", "--limit"], flags: ["--json", "--all"],
        words: ["SUBCOMMAND", "ID"], wordsAreOptional: true)

    /// Grants that a listing shows when it is not said how many.
    static let defaultLimit = 1000

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let act: @Sendable (GrantAdministration) async throws -> Void
        switch arguments.words.first {
        case "list":
            let limit = try arguments.count("--limit", default: defaultLimit)
            act = { try await list(arguments, limit: limit, $0) }
        case "revoke":
            let target = try EndTarget(arguments, noun: "grant")
            act = { try await revoke(target, $0) }
        default:
            throw arguments.misuse(of: "grant", known: ["list", "revoke"])
        }
        return try AdministeredStore.run(arguments, environment: environment, label: "grant") { opened in
            let settings = AuthorizationServerConfiguration(opened.configuration)
            try await act(
                GrantAdministration(
                    store: opened.store, configured: settings.clients, clock: .system, audit: opened.audit))
        }
    }

    private static func list(
        _ arguments: ParsedArguments, limit: Int, _ grants: GrantAdministration
    ) async throws {
        let entries = try await grants.list(of: arguments["--user"], to: arguments["--client"], limit: limit)
        Console.say(arguments.has("--json") ? GrantListing.json(entries) : GrantListing.table(entries))
        if entries.count == limit { Console.complain("there may be more: --limit \(limit * 10) shows them") }
    }

    private static func revoke(_ target: EndTarget, _ grants: GrantAdministration) async throws {
        switch target {
        case .one(let id):
            try await grants.revoke(id)
            Console.say("revoked \(id)")
        case .matching(let user, let client):
            Console.say("revoked \(try await grants.revokeAll(of: user, to: client)) grant(s)")
        }
    }
}

extension ParsedArguments {
    /// A number from 1 to a million.
    func count(_ option: String, default standard: Int) throws(CommandFailure) -> Int {
        guard let text = self[option] else { return standard }
        guard let count = Units.integer(text), (1...1_000_000).contains(count) else {
            throw CommandFailure(code: .usage, message: "\(option) is a number from 1 to 1000000, not \"\(text)\"")
        }
        return Int(count)
    }
}
