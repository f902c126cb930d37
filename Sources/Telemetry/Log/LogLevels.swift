/// The parts of the program that write lines while it serves: what stands as `module` on each line.
package enum LogModule: String, Sendable, CaseIterable {
    case access
    case audit
    case authorization
    case configuration
    case externalIssuer = "external-issuer"
    case gateway
    case http
    case redis
    case sallyport
    case tls
    case tracing
    case verify
}

/// `logging.level`: what is written.
package struct LogLevels: Sendable, Equatable {
    /// Of modules that are not named.
    package var common: LogLevel
    /// Of those that are.
    package var modules: [LogModule: LogLevel]

    /// The same for all, unless said otherwise.
    package init(_ common: LogLevel = .info, modules: [LogModule: LogLevel] = [:]) {
        self.common = common
        self.modules = modules
    }

    /// The lowest level that a module writes. The access log has a line for each request, at `info`: whoever reads the log has
    /// more work with it than the gateway with the request, so it is written where it is asked for by name, or where nearly everything is.
    func minimum(of module: String) -> LogLevel {
        guard let known = LogModule(rawValue: module) else { return common }
        return modules[known] ?? (known == .access && common > .debug ? max(common, .notice) : common)
    }
}
