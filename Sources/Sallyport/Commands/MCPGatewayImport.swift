/// Turns the YAML of matthisholleville/mcp-gateway into ours: servers, and who may use what. Its rules keep their meaning; what
/// was an accident of that program is told instead of repeated.
struct MCPGatewayImport {
    let context: ConfigurationContext
    let root: ConfigurationNode
    private var writer = YAMLWriter()

    private init(_ root: ConfigurationNode, _ context: ConfigurationContext) {
        self.root = root
        self.context = context
    }

    /// Whether the file seems to be one.
    static func fits(_ bytes: [UInt8]) -> Bool {
        // JSON is the other format, and what cannot be read is told by its reader.
        guard bytes.first(where: { $0 > 0x20 }) != UInt8(ascii: "{"), let root = try? YAMLReader.read(bytes) else {
            return false
        }
        return root["proxy"] != nil || root["auth"] != nil
    }

    /// The YAML without its last line break, or nil where it would not mean the same; with what the operator should know.
    static func yaml(of bytes: [UInt8], file: String) -> (yaml: String?, problems: [ConfigurationProblem]) {
        let context = ConfigurationContext(file: file, environment: [:])
        do throws(ConfigurationSyntaxError) {
            var gateway = MCPGatewayImport(try YAMLReader.read(bytes), context)
            gateway.writer.comment("from \(DisplayName.of(file))")
            gateway.writeAddress()
            gateway.writeIssuers()
            let names = gateway.writeServers()
            gateway.writeAccess(names)
            gateway.writeOrigins()
            gateway.noteCORS()
            gateway.noteRest()
            return (context.hasErrors ? nil : gateway.writer.text, context.problems)
        } catch {
            context.refuse(.root, line: error.line, error.message, hint: error.hint)
            return (nil, context.problems)
        }
    }

    func note(_ path: String, _ node: ConfigurationNode?, _ message: String, hint: String? = nil) {
        context.note(.root.key(path), line: node?.line, message, hint: hint)
    }

    // MARK: Around the rules

    private mutating func writeAddress() {
        guard let url = root["server"]?["url"], let text = url.scalarText else { return }
        guard text.hasPrefix("https://") || text.hasPrefix("$") else {
            return note("server.url", url, "is left out: only an https address is one for clients elsewhere")
        }
        writer.value("public_url", text, depth: 0)
    }

    private mutating func writeIssuers() {
        noteProvider()
        let issuers = issuers
        guard root["oauth"]?["enabled"]?.scalarText == "true", !issuers.isEmpty else {
            note(
                "oauth", root["oauth"],
                "here everybody logs in: accounts of this server, unless login.providers says otherwise")
            return
        }
        writer.key("oauth", depth: 0)
        writer.value("authorization_server", "false", depth: 1)
        writer.key("external_issuers", depth: 1)
        for issuer in issuers { writer.item("issuer", issuer, depth: 2) }
        note(
            "oauth.authorization_servers", root["oauth"]?["authorization_servers"],
            "there no audience was checked; here a token must be for the address of the server",
            hint: "name what stands in aud of these tokens in \"audiences\", and their typ in \"types\"")
    }

    /// The names of the servers, old and new.
    private mutating func writeServers() -> [(old: String, new: String)] {
        guard case .sequence(let entries)? = root["proxy"]?["servers"]?.content else { return [] }
        writer.key("servers", depth: 0)
        let upkeep = upkeep()
        var names: [(old: String, new: String)] = []
        for entry in entries {
            guard let old = entry["name"]?.scalarText, let new = MCPServersFile.pathName(for: old),
                ServerReader.isAvailable(new), !names.contains(where: { $0.new == new }),
                let url = entry["connection"]?["url"]?.scalarText
            else {
                context.refuse(
                    .root.key("proxy.servers"), line: entry.line, "a server has no name that can be used, or no url")
                continue
            }
            if old != new { note("proxy.servers", entry, "\(old) is called \"\(new)\" from now on") }
            if let type = entry["type"]?.scalarText, type != "streamable-http" {
                note("proxy.servers", entry, "the type \"\(type)\" is not known; the server is asked what it speaks")
            }
            names.append((old, new))
            writer.key(new, depth: 1)
            writer.value("url", url, depth: 2)
            if let timeout = entry["connection"]?["timeout"]?.scalarText {
                writer.value("timeout", timeout, depth: 2)
            }
            if let interval = upkeep.rediscovery { writer.value("rediscovery", interval, depth: 2) }
            if let interval = upkeep.heartbeat { writer.value("heartbeat", interval, depth: 2) }
            guard let auth = entry["auth"] else { continue }
            if auth["type"]?.scalarText == "header", let header = auth["header"]?.scalarText,
                let value = auth["value"]?.scalarText
            {
                writer.mapping("headers", [(header, value)], depth: 2)
            } else {
                note("proxy.servers", auth, "the way to log in to \(old) is not known", hint: "write \"headers\"")
            }
        }
        return names
    }

    private mutating func writeOrigins() {
        guard root["cors"]?["enabled"]?.scalarText == "true" else { return }
        let origins = root["cors"]?["allowed_origins"]?.scalarTexts ?? []
        guard !origins.isEmpty else { return }
        writer.key("cors", depth: 0)
        writer.list("allowed_origins", origins, depth: 1)
    }

    // MARK: The rules

    private mutating func writeAccess(_ names: [(old: String, new: String)]) {
        let auth = root["auth"]
        if auth?["options"]?["enabled"]?.scalarText == "false" {
            return note(
                "auth.options.enabled", auth,
                "the rules were switched off and are left out: everybody may use everything")
        }
        let permissions = pairs(auth?["permissions"]).map {
            (key: renamed($0.key, names), scopes: $0.scopes, line: $0.line)
        }
        let mappings = pairs(auth?["mappings"])
        writer.key("access", depth: 0)
        writer.list("claims", auth?["claims"]?.scalarTexts ?? [], depth: 1)
        var everybody: String?
        let options = auth?["options"]
        if let scope = options?["default_scope"]?.scalarText {
            // There it let everybody use what no rule names, whatever the scope was.
            let isNeeded = permissions.contains { $0.scopes.contains(scope) }
            everybody = isNeeded ? "scope:everybody" : scope
            note(
                "auth.options.default_scope", options,
                "there it lets everybody use what no rule names, and so it does here")
        }
        writer.key("mappings", depth: 1)
        for mapping in mappings { writer.list(mapping.key, mapping.scopes, depth: 2) }
        if let everybody { writer.list("*", [everybody], depth: 2) }
        writer.key("permissions", depth: 1)
        for rule in permissions { writer.list(rule.key, rule.scopes, depth: 2) }
        writer.key("options", depth: 1)
        writer.value("scope_mode", options?["scope_mode"]?.scalarText ?? "any", depth: 2)
        if let everybody { writer.value("default_scope", everybody, depth: 2) }
        tellAccidents(permissions, mappings)
    }

    private typealias Entry = (key: String, scopes: [String], line: Int)

    private func pairs(_ node: ConfigurationNode?) -> [Entry] {
        guard case .mapping(let entries)? = node?.content else { return [] }
        return entries.map { ($0.key, $0.value.scalarText.map { [$0] } ?? $0.value.scalarTexts, $0.line) }
    }

    private func renamed(_ rule: String, _ names: [(old: String, new: String)]) -> String {
        for name in names where rule.hasPrefix(name.old + ":") { return name.new + rule.dropFirst(name.old.count) }
        return rule
    }

    private func tellAccidents(_ permissions: [Entry], _ mappings: [Entry]) {
        func tell(_ path: String, _ line: Int?, _ message: String) {
            context.note(.root.key("auth").key(path), line: line, message)
        }
        for rule in permissions {
            if rule.key.contains(where: { "[\\".contains($0) }) {
                context.refuse(
                    .root.key("auth").key("permissions"), line: rule.line,
                    "\"\(rule.key)\": [ and \\ have no meaning in a pattern here", hint: "write one rule for each name")
            }
            if rule.scopes.isEmpty {
                tell("permissions", rule.line, "\"\(rule.key)\" needs no scope: here nobody has it then")
            }
            if !rule.key.contains("*"), rule.key != rule.key.lowercased() {
                tell(
                    "permissions", rule.line,
                    "\"\(rule.key)\" never counted there, where keys lost their case; here it does")
            }
        }
        let globs = permissions.filter { $0.key.contains("*") || $0.key.contains("?") }
        if globs.count > 1 {
            tell(
                "permissions", globs[0].line,
                "which of several patterns counted was chance there; here it is the longest")
        }
        if !globs.isEmpty { tell("permissions", globs[0].line, "* did not fit a \"/\" there; here it does") }
        if let mapping = mappings.first {
            tell("mappings", mapping.line, "case did not count there; here a claim must be written as in the token")
        }
        tell("claims", nil, "there a token without one of these claims was refused; here such a claim gives nothing")
        tell(
            "permissions", nil,
            "there lists showed everything; here they show what may be used, also of prompts and resources")
    }
}
