import AuthorizationServer
import JSON
import Telemetry

/// `sallyport purge`: frees the room of what can no longer matter, as a running gateway does by itself.
enum PurgeCommand {
    static let syntax = CommandSyntax(options: ["--config", "--data-dir"], flags: ["--dry-run", "--json"])

    /// Removes, or with `--dry-run` counts.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        try AdministeredStore.run(arguments, environment: environment, label: "purge") { opened in
            let maintenance = StoreMaintenance(
                store: opened.store, configuration: AuthorizationServerConfiguration(opened.configuration))
            let now = WallClock.system.now()
            let isDry = arguments.has("--dry-run")
            let found = isDry ? try await maintenance.leftovers(at: now) : try await maintenance.purge(at: now)
            Console.say(arguments.has("--json") ? json(found, isDry: isDry) : text(found, isDry: isDry))
        }
    }

    private static func text(_ found: StoreLeftovers, isDry: Bool) -> String {
        let verb = isDry ? "would remove" : "removed"
        return "\(verb) \(found.rows) expired or ended entries and \(found.clients) unused clients"
    }

    private static func json(_ found: StoreLeftovers, isDry: Bool) -> String {
        let value: JSONValue = [
            "dry_run": .boolean(isDry), "entries": .integer(Int64(found.rows)),
            "clients": .integer(Int64(found.clients)),
        ]
        return String(decoding: value.serialized(), as: UTF8.self)
    }
}
