/// Reads `tools` of a server: which of its tools clients see, and by which names.
struct ToolReader {
    /// Longer names are refused by models and by clients.
    private static let maximumName = 64

    func tools(in given: ConfigurationSection?) -> ToolSettings {
        var tools = ToolSettings()
        guard var section = given else { return tools }
        if let allow = section.value("allow") {
            tools.allow = patterns(allow)
            if tools.allow.isEmpty {
                allow.note("no tool of this server can be used", hint: "leave \"allow\" out to allow all")
            }
        }
        if let deny = section.value("deny") { tools.deny = patterns(deny) }
        if let rename = section.section("rename") { tools.rename = names(rename) }
        section.finish()
        return tools
    }

    private func patterns(_ value: ConfigurationValue) -> [String] {
        (value.list() ?? []).compactMap { $0.nonEmptyString() }
    }

    private func names(_ section: ConfigurationSection) -> [String: String] {
        var names: [String: String] = [:]
        var taken: [String: String] = [:]
        for (own, value) in section.named() {
            guard let name = value.nonEmptyString() else { continue }
            guard Self.isName(name) else {
                value.refuse(
                    "\"\(name)\" cannot be the name of a tool",
                    hint: "use up to \(Self.maximumName) letters, digits, -, _ and .")
                continue
            }
            if let other = taken[name] {
                value.refuse(
                    "\"\(name)\" is the name of \"\(other)\" already", hint: "give each tool a name of its own")
                continue
            }
            taken[name] = own
            names[own] = name
        }
        return names
    }

    private static func isName(_ name: String) -> Bool {
        name.utf8.count <= maximumName
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
