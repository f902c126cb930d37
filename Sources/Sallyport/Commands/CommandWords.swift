/// Splits a command line into words as a shell would, without a shell (P01): blanks separate, quotes and `\` protect.
/// Nothing else has a meaning: no variables, no `;`, no redirection.
enum CommandWords {
    /// The words of `text`; nil when a quote is not closed.
    static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var rest = text[...]
        while let character = rest.popFirst() {
            if let open = quote {
                if character == open {
                    quote = nil
                } else if character == "\\", open == "\"", let next = rest.first, next == "\"" || next == "\\" {
                    word = (word ?? "") + String(rest.removeFirst())
                } else {
                    word = (word ?? "") + String(character)
                }
            } else if character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if character == "\\" {
                guard let next = rest.popFirst() else { return nil }
                word = (word ?? "") + String(next)
            } else if character.isWhitespace {
                if let complete = word { words.append(complete) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil else { return nil }
        return words + (word.map { [$0] } ?? [])
    }
}

/// Finds a name for a server in its command.
enum ServerName {
    private static let runners: Set<String> = [
        "uvx", "npx", "bunx", "pnpx", "pipx", "uv", "node", "deno", "bun", "python", "python3", "docker", "podman",
        "env",
    ]
    /// Those that fetch what they run when it is not there yet.
    static let downloaders: Set<String> = ["uvx", "npx", "bunx", "pnpx", "pipx", "docker", "podman"]
    private static let fillers: Set<String> = ["run", "tool", "exec", "dlx", "-m"]

    /// `time` for `uvx mcp-server-time`; `server` when nothing fits.
    static func of(_ command: [String]) -> String {
        guard let program = command.first else { return "server" }
        var candidate = DisplayName.of(program)
        if runners.contains(candidate) {
            let package = command.dropFirst().first { !$0.hasPrefix("-") && !fillers.contains($0) }
            candidate = package.map(DisplayName.of) ?? candidate
        }
        candidate = String(candidate.prefix { $0 != "@" && $0 != "=" && $0 != ":" })
        for suffix in [".py", ".js", ".ts", ".sh"] where candidate.hasSuffix(suffix) {
            candidate = String(candidate.dropLast(suffix.count))
        }
        for prefix in ["mcp-server-", "mcp_server_", "server-", "mcp-"] where candidate.hasPrefix(prefix) {
            candidate = String(candidate.dropFirst(prefix.count))
            break
        }
        for suffix in ["-mcp-server", "_mcp_server", "-server", "-mcp"] where candidate.hasSuffix(suffix) {
            candidate = String(candidate.dropLast(suffix.count))
            break
        }
        guard let name = MCPServersFile.pathName(for: candidate), ServerReader.isAvailable(name) else {
            return "server"
        }
        return name
    }
}
