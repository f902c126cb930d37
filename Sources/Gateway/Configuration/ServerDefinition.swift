package import AsyncIO
package import HTTP

/// One MCP server that an operator configured: how it is started or where it is, and what it may cost.
package struct ServerDefinition: Sendable {
    /// The first part of its path, and its label in metrics.
    package var name: String
    /// An absolute path, or a name that is looked for in the `PATH` of the server's environment.
    package var command: String
    package var arguments: [String]
    /// Variables that the operator wrote down.
    package var environment: [String: String]
    /// Names of our own variables that the server gets.
    package var passEnvironment: [String]
    /// Nil means a folder of its own below the gateway's scratch folder.
    package var workingDirectory: String?
    /// How long one call may take, progress or not (F04).
    package var callTimeout: Duration
    /// How long the answer to `initialize` may take (P05).
    package var startTimeout: Duration
    /// A session that nobody uses ends after this.
    package var idleTimeout: Duration
    /// Every session ends after this.
    package var absoluteTimeout: Duration
    /// Processes of this server at once.
    package var maximumSessions: Int
    /// Processes that stand started before a session comes; where all share one, whether that one does.
    package var prespawned = 0
    package var limits: ChildProcess.Limits
    /// What it may reach; nil means whatever its account may.
    package var sandbox: ChildProcess.Sandbox?
    /// The account that it runs as; ours when nil.
    package var user: SystemUser?
    /// Scopes without which nobody may use it.
    package var requiredScopes: [String]
    /// Which sessions may share a process of it.
    package var isolation = Isolation.session
    /// Which of its tools clients see, and by which names.
    package var tools = ToolFilter()
    /// What happens when it changes the definition of a tool.
    package var pin = PinMode.off
    /// How the server speaks MCP.
    package var era: ServerEra
    /// Where its endpoint is: `/NAME/mcp` where nothing else is set.
    package var path: String
    /// The host that is its own; nil where it stands at a path of ours.
    package var site: HTTPURL?
    /// Where it is, when it is no program of ours; what concerns processes means nothing then.
    package var remote: RemoteEndpoint?
    /// The revision that `initialize` offers to it instead of the client's; nil passes the client's on.
    package var offeredVersion: String?

    package init(
        name: String, command: String, arguments: [String] = [], environment: [String: String] = [:],
        passEnvironment: [String] = [], workingDirectory: String? = nil, callTimeout: Duration = .seconds(60),
        startTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(600),
        absoluteTimeout: Duration = .seconds(86_400), maximumSessions: Int = 50,
        limits: ChildProcess.Limits = .init(), requiredScopes: [String] = []
    ) {
        self.name = name
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.passEnvironment = passEnvironment
        self.workingDirectory = workingDirectory
        self.callTimeout = callTimeout
        self.startTimeout = startTimeout
        self.idleTimeout = idleTimeout
        self.absoluteTimeout = absoluteTimeout
        self.maximumSessions = maximumSessions
        self.limits = limits
        self.requiredScopes = requiredScopes
        era = .automatic
        path = "/\(name)/mcp"
    }

    /// A server that is reached over HTTP.
    package init(
        name: String, at remote: RemoteEndpoint, callTimeout: Duration = .seconds(60),
        startTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(600), maximumSessions: Int = 500
    ) {
        self.init(
            name: name, command: "", callTimeout: callTimeout, startTimeout: startTimeout, idleTimeout: idleTimeout,
            maximumSessions: maximumSessions)
        self.remote = remote
    }

    /// What every program needs to run at all; nothing else of ours is handed on unasked (P02).
    private static let ordinary = ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "USER"]

    /// The whole environment of the server: ordinary variables, those to be passed, those written down.
    package func childEnvironment(from own: [String: String]) -> [String: String] {
        var variables: [String: String] = [:]
        for name in Self.ordinary + passEnvironment {
            // A value that begins with "()" is a function that some shells would run.
            if let value = own[name], !value.utf8.starts(with: "()".utf8) { variables[name] = value }
        }
        if let user { for name in ["LOGNAME", "USER"] where variables[name] != nil { variables[name] = user.name } }
        // Our home is closed to it: it gets one of its own instead (``StdioUpstream``).
        if !keepsHome { variables["HOME"] = nil }
        return variables.merging(environment) { $1 }
    }

    /// Whether its home is ours, or the one that was written down.
    var keepsHome: Bool {
        (sandbox == nil && user == nil) || environment["HOME"] != nil || passEnvironment.contains("HOME")
    }
}

/// Which sessions may share a process of a server.
package enum Isolation: String, Sendable, Hashable, CaseIterable {
    /// None: each has its own.
    case session
    /// Those of one user, who is told to the server in its environment.
    case user
    /// All of them.
    case shared
}
