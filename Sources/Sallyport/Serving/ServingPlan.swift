import Gateway
import HTTP
import OAuth

/// What one start of the program serves, decided from the command and the configuration.
struct ServingPlan: Sendable {
    /// Whether a login stands before the servers.
    enum Protection: Sendable {
        /// OAuth 2.1, by our own authorization server.
        case login
        /// `bridge`: nothing.
        case none
    }

    /// What the operator decided, with at least one server.
    var configuration: Configuration
    /// Whether a login stands before the servers.
    let protection: Protection
    /// `bridge`: the revision that is offered instead of the client's, when it is fixed.
    var protocolVersion: String?
    /// Reads the configuration again; nil where the command line says everything.
    var reading: ConfigurationReload.Reading?

    /// Whether our own authorization server stands there; other ones may stand beside it or in its place.
    var hasAuthorizationServer: Bool { protection == .login && configuration.oauth.hasAuthorizationServer }

    /// Whose tokens are taken.
    var authorizationServers: AuthorizationServers {
        AuthorizationServers(
            external: configuration.oauth.externalIssuers.map(\.issuer.text), includesOwn: hasAuthorizationServer)
    }

    /// What clients should ask for to get at the servers.
    var scopes: [String] {
        guard !hasAuthorizationServer, protection == .login else { return ["mcp"] }
        return Scope(tokens: configuration.oauth.externalIssuers.flatMap(\.requiredScopes)).tokens
    }

    /// The servers with their endpoints. A bridge has one, also at `/mcp`.
    var endpoints: [ServedAddress] {
        configuration.servers.map {
            protection == .none ? ServedAddress(name: $0.name, path: "/mcp") : configuration.address(of: $0.name)
        }
    }

    /// Whether all servers are one at `/mcp`, too.
    var hasAggregate: Bool { protection == .login && configuration.hasAggregate }

    /// What people are told to connect to.
    var addresses: [ServedAddress] {
        hasAggregate
            ? endpoints + [ServedAddress(name: "all servers", path: AggregateConfiguration.path)] : endpoints
    }
}

extension ServerSettings {
    /// `demo-server`, which is served when nothing is configured.
    static var demo: ServerSettings {
        var server = ServerSettings(name: "demo", command: CommandPath.ownExecutable ?? "/proc/self/exe")
        server.arguments = ["demo-server"]
        return server
    }
}
