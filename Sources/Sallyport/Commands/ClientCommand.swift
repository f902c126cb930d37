import AuthorizationServer
import OAuth
import Telemetry

/// `sallyport client`: who may ask users for access, and ending that.
enum ClientCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir"] + ClientDescription.options, flags: ["--json"] + ClientDescription.flags,
        words: ["SUBCOMMAND", "NAME"], wordsAreOptional: true)

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let act: @Sendable (ClientAdministration, Configuration) async throws -> Void
        switch arguments.words.first {
        case "list": act = { clients, _ in try await list(arguments, clients) }
        case "show":
            let id = try named(arguments, "ID")
            act = { clients, _ in try await show(id, arguments, clients) }
        case "add":
            let name = try named(arguments, "NAME")
            act = { try await add(name, arguments, $0, $1) }
        case "remove":
            let id = try named(arguments, "ID")
            act = { clients, _ in
                let ended = try await clients.remove(id)
                Console.say("removed \(id); \(ended) grant(s) ended with it")
            }
        default:
            throw arguments.misuse(of: "client", known: ["list", "show", "add", "remove"])
        }
        return try AdministeredStore.run(arguments, environment: environment, label: "client") { opened in
            do {
                try await act(
                    ClientAdministration(
                        store: opened.store, configured: opened.configuration.oauth.clients, clock: .system,
                        audit: opened.audit), opened.configuration)
            } catch let refusal as ClientAdministration.Refusal {
                throw CommandFailure(
                    code: .dataError, message: "\(refusal)", hint: "sallyport client list shows them")
            }
        }
    }

    private static func named(_ arguments: ParsedArguments, _ word: String) throws(CommandFailure) -> String {
        guard arguments.words.count == 2 else {
            throw CommandFailure(code: .usage, message: "\(word) is missing", hint: "sallyport client --help")
        }
        return arguments.words[1]
    }

    private static func list(_ arguments: ParsedArguments, _ clients: ClientAdministration) async throws {
        let entries = try await clients.list()
        Console.say(arguments.has("--json") ? ClientListing.json(entries) : ClientListing.table(entries))
    }

    private static func show(
        _ id: String, _ arguments: ParsedArguments, _ clients: ClientAdministration
    ) async throws {
        let (entry, grants) = try await clients.find(id)
        Console.say(
            arguments.has("--json")
                ? ClientListing.json(entry, grants: grants.count) : ClientListing.text(entry, grants: grants.count))
    }

    private static func add(
        _ name: String, _ arguments: ParsedArguments, _ clients: ClientAdministration, _ configuration: Configuration
    ) async throws {
        let description = try ClientDescription(name, arguments, servers: configuration.servers.map(\.name))
        let (entry, secret) = try await clients.add(
            id: arguments["--id"], metadata: description.metadata, isFirstParty: arguments.has("--first-party"),
            resources: description.resources)
        guard !arguments.has("--json") else { return Console.say(ClientListing.json(entry, secret: secret)) }
        Console.say("added \(name)\n    client_id      \(entry.client.id)")
        if let secret { Console.say("    client_secret  \(secret)\nThe secret is shown this once.") }
    }
}
