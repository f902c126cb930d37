/// What this program calls itself.
enum Version {
    /// The version, as `--version` and the MCP handshake say it.
    static let text = "0.1.0"
}
