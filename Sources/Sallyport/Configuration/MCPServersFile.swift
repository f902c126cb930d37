/// Reads a JSON file with `mcpServers` as Claude Desktop and other hosts write it, as it is.
///
/// What such files say beyond the server itself (approvals, icons, the host's own settings) is none of our business and
/// left alone; what would change which program runs or who reaches it is not.
struct MCPServersFile {
    let context: ConfigurationContext

    /// Keys of hosts that have no meaning for a gateway.
    private static let ignoredKeys: Set<String> = [
        "alwaysAllow", "autoApprove", "autoStart", "description", "gallery", "icon", "metadata", "name", "note",
        "notes",
        "registryType", "startup_timeout_sec", "tool_timeout_sec", "trust", "version",
    ]

    private static let remoteKeys: Set<String> = [
        "url", "serverUrl", "httpUrl", "headers", "disabled", "enabled", "disabledTools", "type", "transport",
        "transportType", "timeout",
    ]

    /// Fills in the servers of the file.
    func read(_ root: ConfigurationNode, into configuration: inout Configuration) {
        guard let list = root["mcpServers"],
            let section = ConfigurationSection(list, path: .root.key("mcpServers"), context: context)
        else { return }
        var used: [String: String] = [:]
        for (given, value) in section.named() {
            guard let server = server(given, value) else { continue }
            if let other = used.updateValue(given, forKey: server.name) {
                value.refuse(
                    "\"\(given)\" and \"\(other)\" would both be served at /\(server.name)/mcp", hint: "rename one")
                continue
            }
            configuration.servers.append(server)
        }
    }

    private func server(_ given: String, _ value: ConfigurationValue) -> ServerSettings? {
        guard var section = value.section() else { return nil }
        let isDisabled = section.value("disabled")?.boolean() == true
        let isEnabled = section.value("enabled")?.boolean() ?? true
        guard isEnabled, !isDisabled else {
            value.note("is disabled and left out")
            return nil
        }
        guard let name = Self.pathName(for: given) else {
            value.refuse("\"\(given)\" has nothing in it that could stand in a URL", hint: "rename the server")
            return nil
        }
        guard ServerReader.isAvailable(name) else {
            value.refuse("the name \"\(name)\" is taken by a path of Sallyport itself", hint: "rename the server")
            return nil
        }
        if name != given { value.note("is served at /\(name)/mcp") }
        let reader = ServerReader(context: context)
        if let url = section.value("url") ?? section.value("serverUrl") ?? section.value("httpUrl") {
            noteUnknownKeys(value, known: Self.remoteKeys)
            return reader.remote(name, url, &section)
        }
        guard isStandardIO(&section), let command = section.value("command"), let text = command.nonEmptyString() else {
            if section.value("command") == nil {
                value.refuse("the key \"command\" is missing")
            }
            return nil
        }
        var server = ServerSettings(name: name, command: reader.resolve(text, command))
        server.arguments = section.value("args")?.strings() ?? []
        if let environment = section.section("env") {
            server.environment = reader.readEnvironment(environment) { $0.string() }
        }
        if let directory = section.value("cwd")?.nonEmptyString() {
            server.workingDirectory = context.absolutePath(directory)
        }
        noteUnknownKeys(
            value,
            known: [
                "command", "args", "env", "cwd", "disabled", "enabled", "disabledTools", "type", "transport",
                "transportType",
            ])
        server.tools.deny = section.value("disabledTools")?.strings() ?? []
        return server
    }

    private func isStandardIO(_ section: inout ConfigurationSection) -> Bool {
        for key in ["type", "transport", "transportType"] {
            if let type = section.value(key), let word = type.string(), word != "stdio" {
                type.refuse("the transport \"\(word)\" needs a url")
                return false
            }
        }
        return true
    }

    private func noteUnknownKeys(_ value: ConfigurationValue, known: Set<String>) {
        guard let section = value.section() else { return }
        for (key, entry) in section.named() where !known.contains(key) && !Self.ignoredKeys.contains(key) {
            let near = Suggestion.nearest(to: key, among: known).map { "did you mean \"\($0)\"?" }
            entry.note("is not a key that Sallyport knows; it is left out", hint: near)
        }
    }

    /// `given` as it can stand in a path: other characters become `-`.
    static func pathName(for given: String) -> String? {
        if ServerReader.isName(given) { return given }
        var name = ""
        for character in given.lowercased() {
            let isKept = character.isASCII && (character.isLetter || character.isNumber)
            if isKept { name.append(character) } else if !name.isEmpty, name.last != "-" { name.append("-") }
        }
        name = String(name.prefix(32))
        while name.hasSuffix("-") { name.removeLast() }
        return ServerReader.isName(name) ? name : nil
    }
}
