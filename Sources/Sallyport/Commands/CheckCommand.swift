/// `sallyport check`: everything that is wrong with a configuration, at once.
enum CheckCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--listen", "--data-dir", "--public-url"], flags: ["--allow-unset"])

    /// Prints what there is to say; fails with everything that is wrong.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: arguments.has("--allow-unset") ? .review : .check)
        for notice in configuration.notices { Console.complain(notice.text) }
        let name = arguments["--config"] ?? "the built-in configuration"
        Console.say("\(name) is fine: \(summary(of: configuration))")
        return .success
    }

    private static func summary(of configuration: Configuration) -> String {
        let servers = configuration.servers.map(\.name).joined(separator: ", ")
        return servers.isEmpty ? "the demo server" : "\(configuration.servers.count) server(s): \(servers)"
    }
}

extension ConfigurationOverrides {
    /// What the command line says.
    init(_ arguments: ParsedArguments) {
        self.init(
            file: arguments["--config"], listen: arguments["--listen"], dataDirectory: arguments["--data-dir"],
            publicURL: arguments["--public-url"])
    }
}
