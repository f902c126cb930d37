import AuthorizationServer
import Telemetry

/// `sallyport session`: who is signed in with a browser, and ending that.
enum SessionCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--user"], flags: ["--json", "--all"], words: ["SUBCOMMAND", "ID"],
        wordsAreOptional: true)

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let act: @Sendable (SessionAdministration) async throws -> Void
        switch arguments.words.first {
        case "list": act = { try await list(arguments, $0) }
        case "end":
            let target = try EndTarget(arguments, noun: "session")
            act = { try await end(target, $0) }
        default:
            throw arguments.misuse(of: "session", known: ["list", "end"])
        }
        return try AdministeredStore.run(arguments, environment: environment, label: "session") { opened in
            let settings = AuthorizationServerConfiguration(opened.configuration)
            try await act(
                SessionAdministration(
                    store: opened.store, lifetime: settings.session, clock: .system, audit: opened.audit))
        }
    }

    private static func list(_ arguments: ParsedArguments, _ sessions: SessionAdministration) async throws {
        let entries = try await sessions.list(of: arguments["--user"])
        Console.say(arguments.has("--json") ? SessionListing.json(entries) : SessionListing.table(entries))
    }

    private static func end(_ target: EndTarget, _ sessions: SessionAdministration) async throws {
        switch target {
        case .one(let id):
            try await sessions.end(id)
            Console.say("ended \(id)")
        case .matching(let user, _):
            Console.say("ended \(try await sessions.endAll(of: user)) session(s)")
        }
    }
}
