import AsyncIO
import Gateway

/// `sallyport import`: a Claude Desktop file, or that of mcp-gateway, as a Sallyport configuration.
enum ImportCommand {
    static let syntax = CommandSyntax(words: ["FILE"])

    /// Prints the YAML, and on standard error what could not be taken over.
    static func run(_ arguments: ParsedArguments) throws(CommandFailure) -> ExitCode {
        let file = arguments.words[0]
        let bytes: [UInt8]
        do throws(FileSystem.Failure) {
            bytes = try FileSystem.readFile(file, maximum: ConfigurationLimits.standard.maximumBytes)
        } catch {
            throw CommandFailure(code: .noInput, message: "\(file) cannot be read: \(error.reason)")
        }
        let result =
            MCPGatewayImport.fits(bytes)
            ? MCPGatewayImport.yaml(of: bytes, file: file) : MCPServersImport.yaml(of: bytes, file: file)
        for problem in result.problems { Console.complain(problem.text) }
        guard let yaml = result.yaml else {
            throw CommandFailure(
                code: .dataError, message: "\(file) cannot be imported",
                hint: "it needs \"mcpServers\", as Claude Desktop writes it, or \"proxy\" and \"auth\" of mcp-gateway")
        }
        Console.say(yaml)
        return .success
    }
}

/// Turns `mcpServers` JSON into Sallyport's YAML; references to variables stay references.
enum MCPServersImport {
    /// The YAML without its last line break, or nil when there is no list of servers; with what was left out and why.
    static func yaml(of bytes: [UInt8], file: String) -> (yaml: String?, problems: [ConfigurationProblem]) {
        let context = ConfigurationContext(file: file, environment: [:])
        let root: ConfigurationNode
        do throws(ConfigurationSyntaxError) {
            root = try JSONConfigurationReader.read(bytes)
        } catch {
            context.refuse(.root, line: error.line, error.message, hint: error.hint)
            return (nil, context.problems)
        }
        let path = ConfigurationPath.root.key("mcpServers")
        guard let list = root["mcpServers"],
            let section = ConfigurationSection(list, path: path, context: context)
        else { return (nil, context.problems) }
        var writer = YAMLWriter()
        writer.comment("from \(DisplayName.of(file))")
        writer.key("servers", depth: 0)
        var used = Set<String>()
        for (name, value) in section.named() { write(name, value, to: &writer, used: &used) }
        return (context.hasErrors ? nil : writer.text, context.problems)
    }

    private static func write(
        _ given: String, _ value: ConfigurationValue, to writer: inout YAMLWriter, used: inout Set<String>
    ) {
        guard let name = MCPServersFile.pathName(for: given), used.insert(name).inserted else {
            return value.note("is left out: its name cannot be used, or is used already", hint: "rename it")
        }
        if name != given { value.note("is called \"\(name)\" from now on") }
        if scalar(value.node["disabled"]) == "true" || scalar(value.node["enabled"]) == "false" {
            return value.note("is disabled and left out")
        }
        writer.key(name, depth: 1)
        if let command = scalar(value.node["command"]) { writer.value("command", command, depth: 2) }
        let url = value.node["url"] ?? value.node["serverUrl"] ?? value.node["httpUrl"]
        if let url = scalar(url) {
            writer.value("url", url, depth: 2)
            let word = scalar(value.node["type"] ?? value.node["transport"] ?? value.node["transportType"])
            if let transport = word.flatMap({ RemoteEndpoint.Transport(hostWord: $0) }), transport != .automatic {
                writer.value("transport", transport.rawValue, depth: 2)
            }
        }
        let arguments = elements(value.node["args"])
        if !arguments.isEmpty { writer.list("args", arguments, depth: 2) }
        writer.mapping("env", pairs(value.node["env"]), depth: 2)
        writer.mapping("headers", pairs(value.node["headers"]), depth: 2)
        let hidden = elements(value.node["disabledTools"])
        if !hidden.isEmpty {
            writer.key("tools", depth: 2)
            writer.list("deny", hidden, depth: 3)
        }
        if let directory = scalar(value.node["cwd"]) { writer.value("working_directory", directory, depth: 2) }
    }

    private static func scalar(_ node: ConfigurationNode?) -> String? { node?.scalarText }

    private static func elements(_ node: ConfigurationNode?) -> [String] { node?.scalarTexts ?? [] }

    /// In our own format a value that begins with `file:` names a file; what came from JSON is always the text itself.
    private static func pairs(_ node: ConfigurationNode?) -> [(String, String)] {
        guard case .mapping(let entries) = node?.content else { return [] }
        return entries.compactMap { entry in
            scalar(entry.value).map { (entry.key, $0.hasPrefix("file:") ? "text:\($0)" : $0) }
        }
    }
}

extension ConfigurationNode {
    /// The text as it is written, with its references.
    var scalarText: String? { if case .scalar(let text) = content { text } else { nil } }

    /// The texts of a list.
    var scalarTexts: [String] {
        guard case .sequence(let nodes) = content else { return [] }
        return nodes.compactMap(\.scalarText)
    }
}

/// The last part of a path.
enum DisplayName {
    static func of(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
