import AsyncIO
import Gateway

/// Reads the servers of a configuration, from `servers` in YAML and from `mcpServers` in JSON.
struct ServerReader {
    let context: ConfigurationContext

    /// Paths of ours that a server of the same name would hide.
    private static let reservedNames: Set<String> = [
        "account", "admin", "authorize", "callback", "consent", "health", "introspect", "jwks", "live", "login",
        "logout", "mcp", "metrics", "oauth", "ready", "register", "revoke", "setup", "token", "verify",
    ]

    /// The servers below `servers`.
    func servers(in section: ConfigurationSection) -> [ServerSettings] {
        section.named().compactMap { name, value in
            guard checkName(name, value), let server = value.section() else { return nil }
            return self.server(name, server, line: value.line)
        }
    }

    private func checkName(_ name: String, _ value: ConfigurationValue) -> Bool {
        guard Self.isName(name) else {
            value.refuse(
                "\"\(name)\" cannot be the name of a server",
                hint: "use up to 32 letters, digits, - and _, beginning with a letter or digit")
            return false
        }
        guard !Self.reservedNames.contains(name) else {
            value.refuse("the name \"\(name)\" is taken by a path of Sallyport itself", hint: "use another name")
            return false
        }
        return true
    }

    /// Whether `name` can be the name of a server.
    static func isAvailable(_ name: String) -> Bool { isName(name) && !reservedNames.contains(name) }

    /// Whether `name` can stand in a path and before a tool's name.
    static func isName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard let first = bytes.first, bytes.count <= 32, isAlphanumeric(first), !name.contains("__") else {
            return false
        }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private func server(_ name: String, _ given: ConfigurationSection, line: Int) -> ServerSettings? {
        var section = given
        if section.value("url") != nil { return remote(name, section) }
        let command = section.value("command")
        var server = ServerSettings(name: name, command: "")
        server.arguments = section.value("args")?.strings() ?? []
        if let environment = section.section("env") {
            server.environment = readEnvironment(environment) { $0.secretText(in: context) }
        }
        server.passEnvironment = section.value("pass_environment")?.strings() ?? []
        for variable in server.passEnvironment where !Self.isVariableName(variable) {
            context.refuse(
                section.path.key("pass_environment"), line: line, "\"\(variable)\" is not the name of a variable")
        }
        if let value = section.value("working_directory"), let directory = value.nonEmptyString() {
            server.workingDirectory = checkDirectory(directory, value)
        }
        if let timeout = section.value("timeout")?.duration(in: .milliseconds(100)...(.seconds(86_400))) {
            server.timeout = timeout
        }
        server.startTimeout = section.value("start_timeout")?.duration(in: .seconds(1)...(.seconds(600)))
        if let value = section.value("era"), let era = self.era(value) { server.era = era }
        let sandbox = SandboxReader(context: context)
        sandbox.readUser(section.value("user"), into: &server)
        readLimits(section.section("limits"), into: &server)
        if let isolation = section.value("isolation")?.word(Isolation.self) { server.isolation = isolation }
        readPool(section.section("pool"), into: &server)
        sandbox.read(section.section("sandbox"), into: &server)
        server.tools = ToolReader().tools(in: section.section("tools"))
        if let pin = section.value("pin")?.word(PinMode.self) { server.pin = pin }
        section.finish(
            hints: [
                "cwd": "did you mean \"working_directory\"?", "environment": "did you mean \"env\"?",
                "headers": "headers belong to a server with \"url\"",
            ])
        guard let command else {
            context.refuse(
                section.path, line: line, "the key \"command\" is missing", hint: "or \"url\", for a server behind HTTP"
            )
            return nil
        }
        guard let text = command.nonEmptyString() else { return nil }
        server.command = resolve(text, command)
        return server
    }

    func era(_ value: ConfigurationValue) -> ServerEra? {
        guard let word = value.string() else { return nil }
        let era = ServerEra(rawValue: word)
        if era == nil { value.refuse("expected auto, legacy or modern, found \"\(word)\"") }
        return era
    }

    /// The variables of `env`, each read by `read`.
    func readEnvironment(
        _ section: ConfigurationSection, _ read: (ConfigurationValue) -> String?
    ) -> [String: String] {
        var environment: [String: String] = [:]
        for (name, value) in section.named() {
            guard Self.isVariableName(name) else {
                value.refuse("\"\(name)\" is not the name of a variable")
                continue
            }
            environment[name] = read(value)
        }
        return environment
    }

    private static func isVariableName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "=") }
    }

    private static let groupHint = "in a service of systemd: Delegate=yes; in a container: a writable /sys/fs/cgroup"

    private func readLimits(_ section: ConfigurationSection?, into server: inout ServerSettings) {
        guard var section else { return }
        server.memoryLimit = section.value("memory")?.size(minimum: 16 << 20)
        server.processLimit = section.value("processes")?.integer(in: 1...100_000)
        server.openFileLimit = section.value("open_files")?.integer(in: 16...1_000_000)
        if let sessions = section.value("sessions")?.integer(in: 1...10_000) { server.maximumSessions = sessions }
        if let cpu = section.value("cpu"), let processors = cpu.decimal(in: 0.01...1024) {
            server.processorLimit = processors
            if !ControlGroups.possible.contains(.cpu) {
                cpu.note("has no effect here: no control group can be made", hint: Self.groupHint)
            }
        }
        if server.processLimit != nil, FileMode.ownUser == 0, server.user == nil,
            !ControlGroups.possible.contains(.pids)
        {
            context.note(
                section.path.key("processes"), line: section.line,
                "has no effect here: no control group can be made, and the kernel does not count for root",
                hint: Self.groupHint)
        }
        section.finish()
    }

    private func readPool(_ section: ConfigurationSection?, into server: inout ServerSettings) {
        guard var section else { return }
        if let idle = section.value("idle_timeout")?.duration(in: .seconds(1)...(.seconds(7 * 86_400))) {
            server.idleTimeout = idle
        }
        if let prespawn = section.value("prespawn"), let count = prespawn.integer(in: 0...1000), count > 0 {
            readPrespawn(count, prespawn, into: &server)
        }
        section.finish()
    }

    private func readPrespawn(_ count: Int, _ value: ConfigurationValue, into server: inout ServerSettings) {
        switch server.isolation {
        case .session where count > server.maximumSessions:
            value.refuse(
                "more processes than may run: limits.sessions is \(server.maximumSessions)",
                hint: "a process that stands ready counts; raise limits.sessions or prespawn fewer")
        case .user:
            // Not refused: what it asks for is speed alone.
            value.note(
                "has no effect with isolation: user: who the user is stands in the environment of the process, which is "
                    + "therefore started when that user comes",
                hint: "use isolation: session or shared, or leave it out")
        case .session, .shared: server.prespawned = count
        }
    }

    private func checkDirectory(_ text: String, _ value: ConfigurationValue) -> String? {
        let path = context.absolutePath(text)
        guard FileMode.isDirectory(path) else {
            value.refuse("there is no folder \(path)")
            return nil
        }
        return path
    }

    /// The absolute path of `command` (P01). One that is missing is told, not refused: it may be installed later, and
    /// the other servers are not to suffer.
    func resolve(_ command: String, _ value: ConfigurationValue) -> String {
        if let path = CommandPath.find(command, directory: context.directory, environment: context.environment) {
            return path
        }
        value.note(
            "the command \"\(command)\" was not found", hint: "install it, or write its absolute path")
        return command
    }
}
