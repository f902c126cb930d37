import AsyncIO
import HTTP

extension Configuration {
    /// The origin to show to people: the public URL, or this machine by its name.
    var displayOrigin: String { displayOrigin(port: listen.port) }

    /// The same, for the port that was bound when `listen` left the choice to the system.
    func displayOrigin(port: Int) -> String {
        if let publicURL { return publicURL.origin }
        let scheme = scheme
        return port == scheme.defaultPort
            ? "\(scheme.rawValue)://localhost" : "\(scheme.rawValue)://localhost:\(port)"
    }

    /// How clients reach this server.
    var scheme: HTTPURL.Scheme { publicURL?.scheme ?? (tls == nil ? .http : .https) }

    /// The link with which somebody sets a password: at the gateway that serves the data directory, or did last, for it
    /// may have been told another address than this command.
    func setupURL(_ secret: String) -> String {
        let origin = publicURL?.origin ?? ServedOrigin.read(from: dataDirectory) ?? displayOrigin
        return "\(origin)/setup?link=\(secret)"
    }

    /// The same, for the port that was bound.
    func setupURL(_ secret: String, port: Int) -> String { "\(displayOrigin(port: port))/setup?link=\(secret)" }

    /// The configuration that a command works with, or a failure with everything that is wrong with it and matters for
    /// `purpose`. Only one that was read to serve may be served.
    static func forCommand(
        _ arguments: ParsedArguments, environment: [String: String], purpose: ConfigurationPurpose
    ) throws(CommandFailure) -> Configuration {
        try loaded(ConfigurationOverrides(arguments), environment: environment, purpose: purpose)
    }

    /// The same, for commands that decide something beyond their arguments.
    static func loaded(
        _ overrides: ConfigurationOverrides, environment: [String: String],
        purpose: ConfigurationPurpose = .serving
    ) throws(CommandFailure) -> Configuration {
        do throws(ConfigurationError) {
            return try ConfigurationLoader(overrides: overrides, environment: environment, purpose: purpose).load()
        } catch {
            throw CommandFailure(configuration: error)
        }
    }
}

extension CommandFailure {
    /// A configuration that was refused.
    init(configuration error: ConfigurationError) {
        let count = error.errors.count
        self.init(
            code: .configuration,
            message: count == 1 ? "1 error in the configuration" : "\(count) errors in the configuration",
            details: error.problems.map(\.text))
    }
}
