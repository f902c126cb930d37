import AsyncIO

/// `/mcp`: all servers as one.
package struct AggregateConfiguration: Sendable {
    /// Its label in metrics, in the audit trail and in logs; no server can have it.
    package static let name = "mcp"
    package static let path = "/mcp"

    /// What stands between a server's name and the server's own name of a tool or prompt.
    package var separator: String
    /// Whether clients get what the servers say of themselves.
    package var showsInstructions: Bool
    /// What it says to be the version of.
    package var version: String
    /// How long `initialize` waits for servers. Those that take longer join later.
    package var patience = Duration.seconds(10)
    /// How long a request waits for the list of a server. What comes later is told as a change.
    package var listPatience = Duration.seconds(5)
    /// How long a change of a list waits for others.
    package var changeDelay = Duration.milliseconds(250)
    /// How long the list of a server that tells no changes is taken for true.
    package var listLifetime = Duration.seconds(5)

    package init(separator: String = "__", showsInstructions: Bool = true, version: String = "") {
        self.separator = separator
        self.showsInstructions = showsInstructions
        self.version = version
    }

    /// The one server as which clients see `servers`. Those keep times of their own, which end before these do.
    func definition(of servers: [ServerDefinition], _ limits: GatewayLimits) -> ServerDefinition {
        let margin = Duration.seconds(5)
        var definition = ServerDefinition(name: Self.name, command: "")
        definition.path = Self.path
        definition.callTimeout = (servers.map(\.callTimeout).max() ?? definition.callTimeout) + margin
        definition.startTimeout = patience + margin
        definition.idleTimeout = servers.map(\.idleTimeout).max() ?? definition.idleTimeout
        definition.absoluteTimeout = servers.map(\.absoluteTimeout).min() ?? definition.absoluteTimeout
        definition.maximumSessions = limits.sessions
        return definition
    }
}
