/// `sallyport check`: everything that is wrong with a configuration, at once.
enum CheckCommand {
    static let syntax = CommandSyntax(options: ["--config", "--listen", "--data-dir"])

    /// Prints what there is to say; 0 when the configuration can be used, 78 when not.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) -> ExitCode {
        let overrides = ConfigurationOverrides(arguments)
        do throws(ConfigurationError) {
            let configuration = try ConfigurationLoader(overrides: overrides, environment: environment).load()
            for notice in configuration.notices { Console.complain(notice.text) }
            Console.say("\(overrides.file ?? "the built-in configuration") is fine: \(summary(of: configuration))")
            return .success
        } catch {
            report(error)
            return .configuration
        }
    }

    /// Prints the problems of a configuration that was refused.
    static func report(_ error: ConfigurationError) {
        for problem in error.problems { Console.complain(problem.text) }
        let count = error.errors.count
        Console.complain(
            count == 1 ? "sallyport: 1 error in the configuration" : "sallyport: \(count) errors in the configuration")
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
            file: arguments["--config"], listen: arguments["--listen"], dataDirectory: arguments["--data-dir"])
    }
}
