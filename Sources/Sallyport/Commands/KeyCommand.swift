import AsyncIO
import AuthorizationServer
import Crypto
import Storage
import Telemetry

/// `sallyport key`: the signing keys, in the store of the gateway, whether it runs or not.
struct KeyCommand: Sendable {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--algorithm", "--publish-ahead"], flags: ["--json"],
        words: ["SUBCOMMAND", "KID"], wordsAreOptional: true)

    private static let subcommands = ["list", "rotate", "retire"]

    private let arguments: ParsedArguments
    private let configuration: Configuration
    private let administration: KeyAdministration

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        guard let subcommand = arguments.words.first else {
            throw CommandFailure(code: .usage, message: "key needs a subcommand", hint: "sallyport key --help")
        }
        guard subcommands.contains(subcommand) else {
            let near = Suggestion.nearest(to: subcommand, among: subcommands).map { "did you mean \"\($0)\"?" }
            throw CommandFailure(
                code: .usage, message: "unknown subcommand \"\(subcommand)\"", hint: near ?? "sallyport key --help")
        }
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        let loop = EventLoop(name: "key")
        defer { loop.shutdown() }
        let state = try OpenedStore.open(configuration, on: loop, isNewAllowed: false)
        let audit = try AuditTrail.open(configuration, logger: Logger(label: "key"))
        let command = KeyCommand(
            arguments: arguments, configuration: configuration,
            administration: KeyAdministration(
                store: state.store, sealing: state.sealing, clock: .system, audit: audit.log))
        defer {
            audit.flush()
            state.close()
        }
        return try Lifecycle.run(on: loop) { () async throws(CommandFailure) in try await command.perform(subcommand) }
    }

    private func perform(_ subcommand: String) async throws(CommandFailure) -> ExitCode {
        do {
            switch subcommand {
            case "list": try await list()
            case "rotate": try await rotate()
            default: try await retire()
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
        case KeyAdministration.Refusal.onlyKey(let id):
            CommandFailure(
                code: .dataError, message: "\(KeyAdministration.Refusal.onlyKey(id))",
                hint: "make another one first: sallyport key rotate")
        case let refusal as KeyAdministration.Refusal:
            CommandFailure(code: .noUser, message: "\(refusal)", hint: "sallyport key list shows them")
        case let error as StoreError:
            CommandFailure(
                code: .unavailable, message: "the store did not answer: \(error.detail)",
                hint: "try again; another process may hold it")
        default:
            CommandFailure(code: .software, message: "\(error)")
        }
    }
}

// MARK: - Subcommands

extension KeyCommand {
    private func list() async throws {
        try refuseKID()
        let entries = try await administration.list()
        Console.say(arguments.has("--json") ? KeyListing.json(entries) : KeyListing.table(entries))
    }

    private func rotate() async throws {
        try refuseKID()
        let entry = try await administration.rotate(algorithm(), publishAhead: publishAhead())
        guard !arguments.has("--json") else { return Console.say(KeyListing.json(entry)) }
        Console.say("added \(entry.key.id) (\(entry.key.algorithm)); it signs from \(entry.key.signsFrom.iso8601)")
    }

    private func retire() async throws {
        guard arguments.words.count == 2 else {
            throw CommandFailure(code: .usage, message: "KID is missing", hint: "sallyport key list shows them")
        }
        let entry = try await administration.retire(arguments.words[1])
        guard !arguments.has("--json") else { return Console.say(KeyListing.json(entry, isRetired: true)) }
        Console.say("retired \(entry.key.id): tokens that it signed are refused from now on")
    }

    private func refuseKID() throws(CommandFailure) {
        guard arguments.words.count == 1 else {
            throw CommandFailure(code: .usage, message: "unexpected \"\(arguments.words[1])\"")
        }
    }

    private func algorithm() throws(CommandFailure) -> SignatureAlgorithm {
        guard let name = arguments["--algorithm"] else { return configuration.oauth.signingAlgorithm }
        guard let algorithm = SignatureAlgorithm(rawValue: name) else {
            let known = SignatureAlgorithm.allCases.map(\.rawValue)
            throw CommandFailure(
                code: .usage, message: "\"\(name)\" is not an algorithm",
                hint: "one of \(known.joined(separator: ", "))")
        }
        return algorithm
    }

    private func publishAhead() throws(CommandFailure) -> Duration {
        guard let text = arguments["--publish-ahead"] else { return configuration.oauth.keyRotation.publishAhead }
        guard let duration = Units.duration(text), OAuthSettings.publishAheadRange.contains(duration) else {
            let range = OAuthSettings.publishAheadRange
            throw CommandFailure(
                code: .usage, message: "--publish-ahead \(text) is not a duration that can be used",
                hint: "from \(Units.text(range.lowerBound)) to \(Units.text(range.upperBound))")
        }
        return duration
    }
}
