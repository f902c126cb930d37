import AsyncIO
import AuthorizationServer
import OAuth
import Storage
import Telemetry

/// `sallyport token`: API keys for programs that cannot log in, in the store of the gateway, whether it runs or not.
struct TokenCommand: Sendable {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--user", "--name", "--scope", "--resource", "--expires"],
        flags: ["--json"], words: ["SUBCOMMAND", "ID"], wordsAreOptional: true)

    private static let defaultLifetime = Duration.seconds(90 * 86_400)

    private let arguments: ParsedArguments
    private let administration: APIKeyAdministration

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        guard let subcommand = arguments.words.first else {
            throw CommandFailure(code: .usage, message: "token needs a subcommand", hint: "sallyport token --help")
        }
        var configuration = try Configuration.forCommand(arguments, environment: environment, purpose: .tokens)
        if configuration.servers.isEmpty, configuration.protectedResources.isEmpty { configuration.servers = [.demo] }
        let loop = EventLoop(name: "token")
        defer { loop.shutdown() }
        let state = try OpenedStore.open(configuration, on: loop, isNewAllowed: false)
        let audit = try AuditTrail.open(configuration, logger: Logger(label: "token"))
        let directory = ServerDirectory(ServingPlan(configuration: configuration, protection: .login))
        let command = TokenCommand(
            arguments: arguments,
            administration: APIKeyAdministration(
                store: state.store, directory: directory, clock: .system, audit: audit.log))
        defer {
            audit.flush()
            state.close()
        }
        return try Lifecycle.run(on: loop) { () async throws(CommandFailure) in try await command.perform(subcommand) }
    }

    private func perform(_ subcommand: String) async throws(CommandFailure) -> ExitCode {
        do {
            switch subcommand {
            case "create": try await create()
            case "list": try await list()
            case "revoke": try await revoke()
            default:
                let near = Suggestion.nearest(to: subcommand, among: ["create", "list", "revoke"])
                throw CommandFailure(
                    code: .usage, message: "unknown subcommand \"\(subcommand)\"",
                    hint: near.map { "did you mean \"\($0)\"?" } ?? "sallyport token --help")
            }
            return .success
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: any Error) -> CommandFailure {
        switch error {
        case let refusal as APIKeyAdministration.Refusal:
            switch refusal {
            case .unknownUser:
                CommandFailure(code: .noUser, message: "\(refusal)", hint: "sallyport user list shows them")
            case .unknownResource:
                CommandFailure(
                    code: .dataError, message: "\(refusal)", hint: "name one of the configuration; see --config")
            case .unknownKey:
                CommandFailure(code: .dataError, message: "\(refusal)", hint: "sallyport token list shows them")
            default: CommandFailure(code: .dataError, message: "\(refusal)")
            }
        default: UserCommand.failure(error)
        }
    }
}

// MARK: - Subcommands

extension TokenCommand {
    private func create() async throws {
        guard arguments.words.count == 1 else {
            throw CommandFailure(
                code: .usage, message: "unexpected \"\(arguments.words[1])\"", hint: "name the key with --name")
        }
        guard let user = arguments["--user"] else {
            throw CommandFailure(code: .usage, message: "--user is missing", hint: "sallyport token --help")
        }
        let (key, text) = try await administration.create(
            APIKeyAdministration.Wish(
                user: user, name: arguments["--name"] ?? "key of \(user)",
                resources: (arguments["--resource"] ?? "").split(separator: ",").map(String.init), scope: try scope(),
                lifetime: try lifetime()))
        guard !arguments.has("--json") else { return Console.say(APIKeyListing.json(key, userName: user, text: text)) }
        Console.say(text)
        Console.complain(
            "key \(key.id) of \(user), until \(key.expiresAt.iso8601). It is not shown again; send it as "
                + "\"Authorization: Bearer \(key.hint)…\"")
    }

    private func list() async throws {
        let keys = try await administration.list(of: arguments["--user"])
        Console.say(
            arguments.has("--json")
                ? APIKeyListing.json(keys) : APIKeyListing.table(keys, at: WallClock.system.now()))
    }

    private func revoke() async throws {
        guard arguments.words.count == 2 else {
            throw CommandFailure(code: .usage, message: "ID is missing", hint: "sallyport token list shows them")
        }
        try await administration.revoke(arguments.words[1])
        Console.say("revoked \(arguments.words[1])")
    }

    private func scope() throws(CommandFailure) -> Scope? {
        guard let text = arguments["--scope"] else { return nil }
        do {
            return try Scope(parsing: text)
        } catch {
            throw CommandFailure(
                code: .usage, message: "\"\(text)\" is not a list of scopes", hint: "separate them by single spaces")
        }
    }

    private func lifetime() throws(CommandFailure) -> Duration {
        guard let text = arguments["--expires"] else { return Self.defaultLifetime }
        guard let lifetime = Units.duration(text), lifetime >= .seconds(1) else {
            throw CommandFailure(code: .usage, message: "\"\(text)\" is not a duration", hint: "like 90d or 12h")
        }
        guard lifetime <= APIKeyAdministration.longestLifetime else {
            throw CommandFailure(
                code: .usage,
                message: "a key lives for \(Units.text(APIKeyAdministration.longestLifetime)) at most")
        }
        return lifetime
    }
}
