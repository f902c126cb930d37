/// The instructions of an aggregate: what belongs to whom, then those of each server in a section of its own (mcp.md C9).
///
/// What a server says is quoted line by line, so that it cannot end its section, and cut where it is long.
package enum AggregateInstructions {
    /// Longest text of one server, in bytes.
    package static let maximumSection = 4096
    /// Longest text in all, in bytes.
    package static let maximumTotal = 32_768

    /// What is said of one server.
    package struct Section: Sendable {
        package let server: String
        /// What its names begin with.
        package let prefix: String
        /// Its instructions; nil where it has none or they are not to be shown.
        package let text: String?
        /// False for a server that is not there.
        package let isPresent: Bool

        package init(server: String, prefix: String, text: String?, isPresent: Bool) {
            self.server = server
            self.prefix = prefix
            self.text = text
            self.isPresent = isPresent
        }
    }

    /// The text for clients.
    package static func text(_ sections: [Section]) -> String {
        var text =
            "Several MCP servers stand behind this one. The names of tools and prompts begin with their server's."
        let absent = sections.filter { !$0.isPresent }.map(\.server)
        if !absent.isEmpty { text += "\n\nNot available at the moment: " + absent.joined(separator: ", ") + "." }
        for section in sections where section.isPresent {
            text += "\n\n# \(section.server): names begin with \"\(section.prefix)\""
            guard let own = section.text, !own.isEmpty else { continue }
            let rest = maximumTotal - text.utf8.count
            guard rest > 0 else { continue }
            text += "\nIn its own words, in which names have no prefix:\n"
            text += quoted(cut(own, to: min(maximumSection, rest)))
        }
        return cut(text, to: maximumTotal + maximumSection)
    }

    private static func quoted(_ text: String) -> String {
        // Every character at which somebody could begin a new line.
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { "> " + $0 }.joined(separator: "\n")
    }

    private static func cut(_ text: String, to maximum: Int) -> String {
        guard text.utf8.count > maximum else { return text }
        var bytes = Array(text.utf8.prefix(maximum))
        while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
        if let last = bytes.last, last & 0xC0 == 0xC0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self) + " […]"
    }
}
