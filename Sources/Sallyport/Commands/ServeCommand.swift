import AsyncIO

/// `sallyport serve`, `run` and `bridge`: three ways to the same program.
enum ServeCommand {
    static let syntax = CommandSyntax(options: ["--config", "--listen", "--data-dir", "--public-url"])
    static let runSyntax = CommandSyntax(
        options: ["--name", "--listen", "--data-dir", "--public-url"], takesCommand: true)
    static let bridgeSyntax = CommandSyntax(options: ["--listen", "--public-url"], takesCommand: true)

    /// The gateway as configured, or the demo server when nothing is.
    static func serve(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let reading: ConfigurationReload.Reading = { () throws(ConfigurationError) in
            let loader = ConfigurationLoader(overrides: ConfigurationOverrides(arguments), environment: environment)
            var configuration = try loader.load()
            if configuration.servers.isEmpty, configuration.protectedResources.isEmpty {
                configuration.servers = [.demo]
            }
            return configuration
        }
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try reading()
        } catch {
            throw CommandFailure(configuration: error)
        }
        var plan = ServingPlan(configuration: configuration, protection: .login)
        plan.reading = reading
        return try ServingProgram.run(plan)
    }

    /// One stdio server behind a login.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        var configuration = try Configuration.forCommand(arguments, environment: environment, purpose: .serving)
        let name = arguments["--name"]
        configuration.servers = [try server(arguments.command, name: name, environment: environment)]
        configuration.origin = .commandLine
        return try ServingProgram.run(ServingPlan(configuration: configuration, protection: .login))
    }

    /// One stdio server over HTTP without a login.
    static func bridge(
        _ arguments: ParsedArguments, environment: [String: String]
    ) throws(CommandFailure) -> ExitCode {
        var overrides = ConfigurationOverrides(arguments)
        overrides.isBridge = true
        var configuration = try Configuration.loaded(overrides, environment: environment)
        var command = arguments.command
        if command.isEmpty, let text = environment["SERVER_COMMAND"], !text.isEmpty {
            guard let words = CommandWords.split(text) else {
                throw CommandFailure(code: .usage, message: "SERVER_COMMAND has a quote that is not closed")
            }
            command = words
        }
        var server = try server(command, name: environment["SERVER_NAME"], environment: environment)
        if let text = environment["SESSION_TIMEOUT"], !text.isEmpty {
            server.idleTimeout = try sessionTimeout(text)
        }
        configuration.servers = [server]
        configuration.storage = .memory
        if configuration.publicURL == nil, !configuration.listen.isLoopback {
            Console.complain(
                "note: only requests to localhost are answered\n    hint: --public-url names the address that clients use"
            )
        }
        configuration.origin = .commandLine
        var plan = ServingPlan(configuration: configuration, protection: .none)
        plan.protocolVersion = try protocolVersion(environment["MCP_PROTOCOL_VERSION"])
        return try ServingProgram.run(plan)
    }

    private static func server(
        _ command: [String], name: String?, environment: [String: String]
    ) throws(CommandFailure) -> ServerSettings {
        guard let program = command.first, !program.isEmpty else {
            throw CommandFailure(
                code: .usage, message: "there is no command to run", hint: "like: sallyport run -- uvx mcp-server-time")
        }
        let name = name.flatMap { $0.isEmpty ? nil : $0 } ?? ServerName.of(command)
        guard ServerReader.isAvailable(name) else {
            throw CommandFailure(
                code: .usage, message: "\"\(name)\" cannot be the name of a server",
                hint: "use up to 32 letters, digits, - and _")
        }
        guard
            let path = CommandPath.find(program, directory: WorkingDirectory.path, environment: environment)
        else {
            throw CommandFailure(
                code: .noInput, message: "the command \"\(program)\" was not found",
                hint: "install it, or write its absolute path")
        }
        var server = ServerSettings(name: name, command: path)
        server.arguments = Array(command.dropFirst())
        return server
    }

    private static func sessionTimeout(_ text: String) throws(CommandFailure) -> Duration {
        let duration = Units.integer(text).map { Duration.seconds($0) } ?? Units.duration(text)
        guard let duration, duration >= .seconds(1), duration <= .seconds(7 * 86_400) else {
            throw CommandFailure(
                code: .usage, message: "SESSION_TIMEOUT=\(text) is not a number of seconds from 1 to 604800")
        }
        return duration
    }

    private static func protocolVersion(_ text: String?) throws(CommandFailure) -> String? {
        guard let text, !text.isEmpty else { return nil }
        guard DemoSession.versions.contains(text) else {
            throw CommandFailure(
                code: .usage, message: "MCP_PROTOCOL_VERSION=\(text) is not a revision that is known",
                hint: "known: \(DemoSession.versions.joined(separator: ", "))")
        }
        return text
    }
}
