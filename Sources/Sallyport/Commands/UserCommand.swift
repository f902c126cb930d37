import AsyncIO
import AuthorizationServer
import Storage
import Telemetry

/// `sallyport user`: local accounts, in the store of the gateway, whether it runs or not.
struct UserCommand: Sendable {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--email", "--groups"],
        flags: ["--password-stdin", "--admin", "--no-admin", "--json", "--link"], words: ["SUBCOMMAND", "NAME"],
        wordsAreOptional: true)

    /// How long a one-time link works.
    static let linkLifetime = Duration.seconds(24 * 3600)

    private let arguments: ParsedArguments
    private let configuration: Configuration
    private let store: any AuthorizationStore
    private let administration: UserAdministration

    /// Does what the words say.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        guard let subcommand = arguments.words.first else {
            throw CommandFailure(code: .usage, message: "user needs a subcommand", hint: "sallyport user --help")
        }
        try checkSubcommand(subcommand)
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        let loop = EventLoop(name: "user")
        defer { loop.shutdown() }
        let state = try OpenedStore.open(configuration, on: loop, isNewAllowed: subcommand == "add")
        let audit = try AuditTrail.open(configuration, logger: Logger(label: "user"))
        let command = UserCommand(
            arguments: arguments, configuration: configuration, store: state.store,
            administration: UserAdministration(store: state.store, clock: .system, audit: audit.log))
        defer {
            audit.flush()
            state.close()
        }
        return try Lifecycle.run(on: loop) { () async throws(CommandFailure) in try await command.perform(subcommand) }
    }

    private static let subcommands = ["add", "list", "show", "set", "passwd", "disable", "enable", "remove"]

    /// Before anything is opened: who mistypes a word is told that, not what else is missing.
    private static func checkSubcommand(_ word: String) throws(CommandFailure) {
        guard !subcommands.contains(word) else { return }
        let near = Suggestion.nearest(to: word, among: subcommands).map { "did you mean \"\($0)\"?" }
        throw CommandFailure(
            code: .usage, message: "unknown subcommand \"\(word)\"", hint: near ?? "sallyport user --help")
    }

    private func perform(_ subcommand: String) async throws(CommandFailure) -> ExitCode {
        do {
            switch subcommand {
            case "add": try await add(name())
            case "list": try await list()
            case "show": try await show(name())
            case "set": try await set(name())
            case "passwd": try await setPassword(of: name())
            case "disable": try await report("disabled", name()) { try await administration.disable($0) }
            case "enable": try await report("enabled", name()) { try await administration.enable($0) }
            case "remove": try await report("removed", name()) { try await administration.remove($0) }
            default: try Self.checkSubcommand(subcommand)
            }
            return .success
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw Self.failure(error)
        }
    }

    static func failure(_ error: any Error) -> CommandFailure {
        switch error {
        case UserAdministration.Refusal.unknownUser(let name):
            CommandFailure(
                code: .noUser, message: "there is no user named \(name)", hint: "sallyport user list shows them")
        case let refusal as UserAdministration.Refusal:
            CommandFailure(code: .dataError, message: "\(refusal)")
        case let error as StoreError:
            CommandFailure(
                code: .unavailable, message: "the store did not answer: \(error.detail)",
                hint: "try again; another process may hold it")
        default:
            CommandFailure(code: .software, message: "\(error)")
        }
    }

    private func name() throws(CommandFailure) -> String {
        guard arguments.words.count == 2 else {
            throw CommandFailure(code: .usage, message: "NAME is missing", hint: "sallyport user --help")
        }
        return arguments.words[1]
    }
}

// MARK: - Subcommands

extension UserCommand {
    private func add(_ name: String) async throws {
        let groups = (arguments["--groups"] ?? "").split(separator: ",").map(String.init)
        let isAdministrator = arguments.has("--admin")
        if arguments.has("--password-stdin") {
            let user = try await administration.add(
                name: name, password: passwordFromInput(), email: arguments["--email"], groups: groups,
                isAdministrator: isAdministrator)
            return sayAdded(user, link: nil)
        }
        let (user, link) = try await administration.addWithLink(
            name: name, email: arguments["--email"], groups: groups, isAdministrator: isAdministrator,
            lifetime: Self.linkLifetime)
        sayAdded(user, link: configuration.setupURL(link))
    }

    private func sayAdded(_ user: UserRecord, link: String?) {
        guard !arguments.has("--json") else { return Console.say(UserListing.json(user, setupURL: link)) }
        Console.say("added \(user.name)")
        if let link { Console.say("\(user.name) sets a password here, once, within a day:\n    \(link)") }
    }

    private func list() async throws {
        let users = try await administration.list()
        Console.say(arguments.has("--json") ? UserListing.json(users) : UserListing.table(users))
    }

    private func show(_ name: String) async throws {
        let user = try await administration.show(name)
        let belongings = try await UserBelongings(of: user, store: store, configuration: configuration)
        Console.say(
            arguments.has("--json")
                ? UserListing.json(user, belongings) : UserListing.text(user, belongings))
    }

    private func set(_ name: String) async throws {
        let role = arguments.has("--admin") ? true : arguments.has("--no-admin") ? false : nil
        let groups = arguments["--groups"].map { $0.split(separator: ",").map(String.init) }
        guard role != nil || groups != nil || arguments["--email"] != nil else {
            throw CommandFailure(
                code: .usage, message: "there is nothing to set",
                hint: "--groups A,B, --email ADDRESS, --admin or --no-admin")
        }
        guard !(arguments.has("--admin") && arguments.has("--no-admin")) else {
            throw CommandFailure(code: .usage, message: "--admin and --no-admin exclude each other")
        }
        let user = try await administration.setProfile(
            of: name, email: arguments["--email"], groups: groups, isAdministrator: role)
        Console.say(arguments.has("--json") ? UserListing.json(user, setupURL: nil) : UserListing.table([user]))
    }

    private func setPassword(of name: String) async throws {
        if arguments.has("--link") {
            let link = configuration.setupURL(
                try await administration.makeLink(for: name, lifetime: Self.linkLifetime))
            return Console.say("\(name) sets a password here, once, within a day:\n    \(link)")
        }
        let password = arguments.has("--password-stdin") ? try passwordFromInput() : try passwordFromTerminal()
        try await report("changed the password of", name) {
            try await administration.setPassword(of: $0, to: password)
        }
    }

    private func report(_ what: String, _ name: String, _ act: (String) async throws -> Void) async throws {
        try await act(name)
        Console.say("\(what) \(name)")
    }

    private func passwordFromInput() throws(CommandFailure) -> String {
        guard let password = Console.readLine(limit: PasswordRule.maximumBytes), !password.isEmpty else {
            throw CommandFailure(code: .dataError, message: "standard input has no line that can be a password")
        }
        return password
    }

    private func passwordFromTerminal() throws(CommandFailure) -> String {
        guard Console.isInputTerminal else {
            throw CommandFailure(
                code: .usage, message: "there is no terminal to ask for a password",
                hint: "use --password-stdin, or --link for a one-time link")
        }
        let limit = PasswordRule.maximumBytes
        guard let password = Console.readHidden(prompt: "New password: ", limit: limit),
            let again = Console.readHidden(prompt: "The same again: ", limit: limit)
        else { throw CommandFailure(code: .dataError, message: "this cannot be a password") }
        guard password.utf8.elementsEqual(again.utf8) else {
            throw CommandFailure(code: .dataError, message: "the two passwords are not the same")
        }
        return password
    }
}
