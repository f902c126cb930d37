/// Picks the command and turns failures into messages and exit codes.
enum Program {
    /// Runs what the command line says.
    static func run(_ arguments: [String], environment: [String: String]) -> ExitCode {
        do throws(CommandFailure) {
            guard let name = arguments.first else {
                Console.complain(Help.overview)
                return .usage
            }
            let code = try run(name, Array(arguments.dropFirst()), environment)
            // Half a configuration in a file must not look like a whole one.
            guard code == .success, Console.hasLostOutput else { return code }
            throw CommandFailure(code: .ioError, message: "standard output cannot be written")
        } catch {
            Console.complain(error.text)
            return error.code
        }
    }

    private static func run(
        _ name: String, _ rest: [String], _ environment: [String: String]
    ) throws(CommandFailure) -> ExitCode {
        switch name {
        case "--help", "-h", "help":
            Console.say(rest.first.flatMap { Help.commands[$0] } ?? Help.overview)
            return .success
        case "--version", "version":
            Console.say("sallyport \(Version.text)")
            return .success
        default:
            break
        }
        let beforeCommand = rest.prefix { $0 != "--" }
        if let help = Help.commands[name], beforeCommand.contains("--help") || beforeCommand.contains("-h") {
            Console.say(help)
            return .success
        }
        return try runCommand(name, rest, environment)
    }

    private static func runCommand(
        _ name: String, _ rest: [String], _ environment: [String: String]
    ) throws(CommandFailure) -> ExitCode {
        switch name {
        case "serve":
            return try ServeCommand.serve(
                try ParsedArguments(rest, syntax: ServeCommand.syntax), environment: environment)
        case "run":
            return try ServeCommand.run(
                try ParsedArguments(rest, syntax: ServeCommand.runSyntax), environment: environment)
        case "bridge":
            return try ServeCommand.bridge(
                try ParsedArguments(rest, syntax: ServeCommand.bridgeSyntax), environment: environment)
        case "check":
            return try CheckCommand.run(
                try ParsedArguments(rest, syntax: CheckCommand.syntax), environment: environment)
        case "health":
            return try HealthCommand.run(
                try ParsedArguments(rest, syntax: HealthCommand.syntax), environment: environment)
        case "import":
            return try ImportCommand.run(try ParsedArguments(rest, syntax: ImportCommand.syntax))
        case "user":
            return try UserCommand.run(try ParsedArguments(rest, syntax: UserCommand.syntax), environment: environment)
        case "key":
            return try KeyCommand.run(try ParsedArguments(rest, syntax: KeyCommand.syntax), environment: environment)
        case "token":
            return try TokenCommand.run(
                try ParsedArguments(rest, syntax: TokenCommand.syntax), environment: environment)
        case "grant":
            return try GrantCommand.run(
                try ParsedArguments(rest, syntax: GrantCommand.syntax), environment: environment)
        case "client":
            return try ClientCommand.run(
                try ParsedArguments(rest, syntax: ClientCommand.syntax), environment: environment)
        case "session":
            return try SessionCommand.run(
                try ParsedArguments(rest, syntax: SessionCommand.syntax), environment: environment)
        case "policy":
            return try PolicyCommand.run(rest, environment: environment)
        case "stats":
            return try StatsCommand.run(
                try ParsedArguments(rest, syntax: StatsCommand.syntax), environment: environment)
        case "purge":
            return try PurgeCommand.run(
                try ParsedArguments(rest, syntax: PurgeCommand.syntax), environment: environment)
        case "audit":
            return try AuditCommand.run(
                try ParsedArguments(rest, syntax: AuditCommand.syntax), environment: environment)
        case "backup":
            return try BackupCommand.run(
                try ParsedArguments(rest, syntax: BackupCommand.syntax), environment: environment)
        case "restore":
            return try RestoreCommand.run(
                try ParsedArguments(rest, syntax: RestoreCommand.syntax), environment: environment)
        case "connect":
            return try ConnectCommand.run(
                try ParsedArguments(rest, syntax: ConnectCommand.syntax), environment: environment)
        case "call":
            return try CallCommand.run(try ParsedArguments(rest, syntax: CallCommand.syntax), environment: environment)
        case "list":
            return try ListCommand.run(try ParsedArguments(rest, syntax: ListCommand.syntax), environment: environment)
        case "doctor":
            return try DoctorCommand.run(
                try ParsedArguments(rest, syntax: DoctorCommand.syntax), environment: environment)
        case "demo-server":
            let arguments = try ParsedArguments(rest, syntax: CommandSyntax(options: ["--era"]))
            let era = arguments["--era"] ?? "legacy"
            guard era == "legacy" || era == "modern" else {
                throw CommandFailure(code: .usage, message: "unknown era \"\(era)\"", hint: "known: legacy, modern")
            }
            return ExitCode(rawValue: DemoServer(isModern: era == "modern").run()) ?? .software
        default:
            let near = Suggestion.nearest(to: name, among: Help.commands.keys.sorted())
            throw CommandFailure(
                code: .usage, message: "unknown command \"\(name)\"",
                hint: near.map { "did you mean \"\($0)\"?" } ?? "sallyport --help lists them")
        }
    }
}
