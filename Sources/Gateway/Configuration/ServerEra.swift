/// How a server speaks MCP, as far as its operator says.
package enum ServerEra: String, Sendable, Hashable, CaseIterable {
    /// It is found out.
    case automatic = "auto"
    /// With a handshake: up to 2025-11-25.
    case legacy
    /// Without: 2026-07-28.
    case modern
}
