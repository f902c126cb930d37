import AsyncIO

/// What the command line says about the configuration; it wins over the file.
struct ConfigurationOverrides: Sendable {
    /// `--config`.
    var file: String?
    /// `--listen`.
    var listen: String?
    /// `--data-dir`.
    var dataDirectory: String?
    /// `--public-url`.
    var publicURL: String?
    /// A bridge keeps nothing and has no issuer, so what protects those two is not asked of it.
    var isBridge = false
}

/// Makes the configuration of a file, the environment and the command line; reports everything that is wrong together.
struct ConfigurationLoader {
    let overrides: ConfigurationOverrides
    let environment: [String: String]
    /// What the configuration is for.
    var purpose = ConfigurationPurpose.serving

    /// The configuration, or all reasons why there is none. Blocking.
    func load() throws(ConfigurationError) -> Configuration {
        let context = ConfigurationContext(
            file: overrides.file, directory: overrides.file.map(Self.directory) ?? Self.currentDirectory,
            environment: environment, purpose: purpose)
        var configuration = Configuration(listen: Self.defaultListen, dataDirectory: defaultDataDirectory)
        if let file = overrides.file { read(file, into: &configuration, context) }
        if !overrides.isBridge { EnvironmentSettings(context: context).apply(to: &configuration) }
        applyOverrides(to: &configuration, context)
        context.excuseOpenValues()
        // Without a file that could be read, what follows from it would only be noise.
        if !overrides.isBridge, !context.hasErrors || !configuration.servers.isEmpty {
            WeakConfiguration(context: context, configuration: configuration).check()
            context.excuseOpenValues()
        }
        guard !context.hasErrors else { throw ConfigurationError(problems: context.problems) }
        configuration.notices = context.problems
        return configuration
    }

    private func read(_ file: String, into configuration: inout Configuration, _ context: ConfigurationContext) {
        let bytes: [UInt8]
        do throws(FileSystem.Failure) {
            bytes = try FileSystem.readFile(file, maximum: context.limits.maximumBytes)
        } catch {
            return context.refuse(.root, line: nil, "cannot be read: \(error.reason)")
        }
        let isJSON = Self.isJSON(file, bytes)
        do throws(ConfigurationSyntaxError) {
            let root = isJSON ? try JSONConfigurationReader.read(bytes) : try YAMLReader.read(bytes)
            guard case .mapping = root.content else {
                return context.refuse(.root, line: root.line, "the file holds \(root.kindName), not a mapping of keys")
            }
            if isJSON, root["mcpServers"] != nil {
                configuration.origin = .mcpServers(file)
                MCPServersFile(context: context).read(root, into: &configuration)
            } else {
                configuration.origin = .file(file)
                var reader = ConfigurationFileReader(context: context, configuration: configuration)
                reader.read(root)
                configuration = reader.configuration
            }
        } catch {
            context.refuse(.root, line: error.line, error.message, hint: error.hint)
        }
    }

    private func applyOverrides(to configuration: inout Configuration, _ context: ConfigurationContext) {
        if let listen = overrides.listen {
            do throws(ListenAddress.ParseError) {
                configuration.listen = try ListenAddress.parse(listen)
            } catch {
                context.refuse(
                    .root.key("--listen"), line: nil, "\"\(listen)\" is not an address to listen on", hint: error.hint)
            }
        }
        if let text = overrides.publicURL {
            do throws(WebOrigin.ParseError) {
                configuration.publicURL = try WebOrigin.parse(text)
            } catch {
                context.refuse(
                    .root.key("--public-url"), line: nil, "\"\(text)\" is not the address of a server",
                    hint: "like https://mcp.example.com")
            }
        }
        if let directory = overrides.dataDirectory, !directory.isEmpty {
            configuration.dataDirectory =
                directory.hasPrefix("/") ? directory : "\(Self.currentDirectory)/\(directory)"
        }
    }

    /// A file is JSON by its name, or by its first character unless its name says YAML.
    private static func isJSON(_ file: String, _ bytes: [UInt8]) -> Bool {
        if file.hasSuffix(".json") { return true }
        if file.hasSuffix(".yaml") || file.hasSuffix(".yml") { return false }
        return bytes.first { $0 > 0x20 } == UInt8(ascii: "{")
    }

    /// The loopback address that is used when nothing is configured.
    static let defaultListen: SocketAddress = {
        guard let address = try? SocketAddress(ip: "127.0.0.1", port: Configuration.defaultPort) else {
            preconditionFailure("127.0.0.1 is an address")
        }
        return address
    }()

    /// Where state is kept when nothing says otherwise: systemd's directory for a service, else the user's own.
    private var defaultDataDirectory: String {
        if let state = environment["STATE_DIRECTORY"], state.hasPrefix("/") {
            return String(state.prefix { $0 != ":" })
        }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return "\(data)/sallyport" }
        if let home = environment["HOME"], home.hasPrefix("/"), home != "/" { return "\(home)/.local/share/sallyport" }
        return "/var/lib/sallyport"
    }

    private static func directory(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return currentDirectory }
        let folder = file[..<slash]
        if folder.isEmpty { return "/" }
        return folder.hasPrefix("/") ? String(folder) : "\(currentDirectory)/\(folder)"
    }

    private static var currentDirectory: String { WorkingDirectory.path }
}
