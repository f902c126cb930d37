import AsyncIO
import AuthorizationServer
import Crypto
import Gateway
import HTTP
import OAuth
import Storage
import Telemetry

/// Everything an operator decided, checked and complete. Built once at start; nothing changes it and nobody else reads
/// files or the environment.
struct Configuration: Sendable {
    /// Where it came from.
    enum Origin: Sendable, Equatable {
        /// Nothing was configured.
        case builtIn
        /// The command line alone (`run`, `bridge`).
        case commandLine
        /// A file in Sallyport's own format.
        case file(String)
        /// A Claude Desktop file with `mcpServers`.
        case mcpServers(String)

        /// The file, where there is one.
        var file: String? {
            switch self {
            case .builtIn, .commandLine: nil
            case .file(let path), .mcpServers(let path): path
            }
        }
    }

    /// Where it came from.
    var origin = Origin.builtIn
    /// `public_url`: the issuer; nil on loopback, where the client's own spelling counts.
    var publicURL: HTTPURL?
    /// `listen`.
    var listen: SocketAddress
    /// `routing`.
    var routing = ServerRouting.path
    /// `tls`; nil when clients, or the proxy in front, come in the clear.
    var tls: TLSSettings?
    /// `data_dir`.
    var dataDirectory: String
    /// `storage`.
    var storage = StorageKind.sqlite
    /// Where the shared store is, when `storage` names one.
    var redis: RedisLocation?
    /// `sealing_key`: seals what the shared store holds; nil means the key in `data_dir`.
    var sealingKey: SealingKey?
    /// `oauth`.
    var oauth = OAuthSettings()
    /// `login`; nil when the file does not say.
    var login: LoginSettings?
    /// `servers`, in the order of the file.
    var servers: [ServerSettings] = []
    /// `aggregate`.
    var aggregate = AggregateSettings()
    /// `trusted_proxies`.
    var trustedProxies: [CIDR] = []
    /// `protected_resources`, in the order of the file.
    var protectedResources: [ProtectedResourceSettings] = []
    /// `insecure_forward_bearer`.
    var forwardsBearer = false
    /// `insecure_secret_forms`.
    var allowsSecretForms = false
    /// `access`; nil lets everybody who may log in use everything.
    var access: AccessRules?
    /// `cors.allowed_origins`.
    var allowedOrigins: [HTTPURL] = []
    /// Whether they are `*`: every web page may call the MCP endpoints.
    var allowsEveryOrigin = false
    /// `rate_limits.registration`, in registrations a minute.
    var registrationsPerMinute = 20
    /// `rate_limits.handshakes`, of one address in a minute.
    var handshakesPerMinute = 12_000
    /// The rest of `rate_limits`.
    var rates = RequestRateLimits()
    /// `limits`, and what has no key.
    var limits = GatewayLimits()
    /// `logging`.
    var logging = LoggingSettings()
    /// `metrics`.
    var metrics = MetricsSettings()
    /// `audit`.
    var audit = AuditSettings()
    /// `tracing`; nil where nothing is traced.
    var tracing: TracingSettings?
    /// What is not wrong but worth knowing.
    var notices: [ConfigurationProblem] = []

    /// The address that is listened on when nothing says otherwise.
    static let defaultPort = 8080
}

/// Where state is kept.
enum StorageKind: String, Sendable, CaseIterable {
    /// In `data_dir`.
    case sqlite
    /// In a Redis that several gateways share: `Configuration.redis`.
    case redis
    /// Nowhere: gone when the program ends.
    case memory
}

/// `oauth`: the lifetimes and doors of the authorization server.
struct OAuthSettings: Sendable, Equatable {
    /// `access_token_lifetime`.
    var accessTokenLifetime = Duration.seconds(15 * 60)
    /// `refresh_token_lifetime`.
    var refreshTokenLifetime = Duration.seconds(30 * 86_400)
    /// `refresh_grace`.
    var refreshGrace = Duration.seconds(120)
    /// `require_pushed_authorization_requests`.
    var requiresPushedRequests = false
    /// `device_authorization.enabled`.
    var areDevicesEnabled = true
    /// `device_authorization.lifetime`.
    var deviceCodeLifetime = Duration.seconds(600)
    /// `dynamic_registration.enabled`.
    var isRegistrationEnabled = true
    /// `dynamic_registration.client_lifetime`: clients unused for so long are forgotten.
    var clientLifetime = Duration.seconds(90 * 86_400)
    /// `client_id_metadata_documents`.
    var clientDocuments = ClientDocumentSettings()
    /// `allow_out_of_band`.
    var allowsOutOfBand = false
    /// `clients`; of a secret there is only the digest.
    var clients: [RegisteredClient] = []
    /// `signing_algorithm`.
    var signingAlgorithm = SignatureAlgorithm.es256
    /// `key_rotation`.
    var keyRotation = KeyRotationPolicy()
    /// `external_issuers`: other authorization servers whose tokens are taken.
    var externalIssuers: [ExternalIssuer] = []
    /// `identity_assertions`: identity providers whose ID-JAGs are taken.
    var identityAssertions: [IdentityAssertionSettings] = []
    /// `authorization_server`: whether there is one of our own.
    var hasAuthorizationServer = true
    /// `introspection.clients`: resource servers that may introspect every token.
    var introspectionClients: [String] = []

    /// What `publish_ahead` may be: never shorter than every process needs to notice a key, several times over.
    static let publishAheadRange = Duration.seconds(5)...Duration.seconds(7 * 86_400)
}

/// One entry of `servers`: a program, or a server behind HTTP.
struct ServerSettings: Sendable, Equatable {
    /// The name: the first part of its path, or of its host.
    var name: String
    /// `command`: an absolute path where it was found, else as written.
    var command: String
    /// `args`.
    var arguments: [String] = []
    /// `env`.
    var environment: [String: String] = [:]
    /// `pass_environment`: names of our own variables that the server gets.
    var passEnvironment: [String] = []
    /// `working_directory`; nil means a private one.
    var workingDirectory: String?
    /// `timeout`: how long one call may take.
    var timeout = Duration.seconds(300)
    /// `start_timeout`: how long a server may take to answer `initialize`; nil leaves it to the kind of command.
    var startTimeout: Duration?
    /// `era`: how it speaks MCP.
    var era = ServerEra.automatic
    /// `pool.idle_timeout`: a session that nobody uses ends after this.
    var idleTimeout = Duration.seconds(600)
    /// `pool.prespawn`: processes that stand started before a session comes.
    var prespawned = 0
    /// `limits.sessions`: processes of this server at once.
    var maximumSessions = 50
    /// `limits.memory` in bytes.
    var memoryLimit: Int?
    /// `limits.processes`.
    var processLimit: Int?
    /// `limits.cpu`, in processors.
    var processorLimit: Double?
    /// `limits.open_files`.
    var openFileLimit: Int?
    /// `isolation`.
    var isolation = Isolation.session
    /// `tools`.
    var tools = ToolSettings()
    /// `pin`.
    var pin = PinMode.off
    /// `url` and what belongs to it; nil for a program.
    var remote: RemoteEndpoint?
    /// `sandbox`; nil means that the server may reach what its account may.
    var sandbox: ChildProcess.Sandbox?
    /// `user`; nil means our own account.
    var user: SystemUser?

    init(name: String, command: String) {
        self.name = name
        self.command = command
    }

    /// What counts when nothing is configured: ten seconds (P05), two minutes for commands that may have to download
    /// the server first.
    var effectiveStartTimeout: Duration {
        if let startTimeout { return startTimeout }
        let program = DisplayName.of(command)
        let downloads =
            ServerName.downloaders.contains(program)
            || (["uv", "pnpm", "yarn", "deno"].contains(program) && !arguments.isEmpty)
        return .seconds(downloads ? 120 : 10)
    }
}

/// `tools` of a server: which of them clients see, and by which names.
struct ToolSettings: Sendable, Equatable {
    /// `allow`: names and patterns of the server's own.
    var allow = ["*"]
    /// `deny`: the same; counts more.
    var deny: [String] = []
    /// `rename`: other names by the server's own.
    var rename: [String: String] = [:]

    /// What the gateway makes of it.
    var filter: ToolFilter { ToolFilter(allow: allow, deny: deny, rename: rename) }
}

/// `aggregate`: `/mcp` over all servers.
struct AggregateSettings: Sendable, Equatable {
    /// `enabled`.
    var isEnabled = true
    /// `separator`: what stands between the name of a server and the server's own name of a tool.
    var separator = "__"
    /// `instructions`: whether clients get what the servers say of themselves.
    var showsInstructions = true
}

/// `logging`.
struct LoggingSettings: Sendable, Equatable {
    /// `format`: `auto` is text on a terminal and JSON elsewhere.
    var format = LogFormat.auto
    /// `level`.
    var levels = LogLevels()
}

/// `audit`.
struct AuditSettings: Sendable, Equatable {
    /// `enabled`.
    var isEnabled = true
    /// `retention`.
    var retention = Duration.seconds(90 * 86_400)
    /// `arguments`: whether the trail holds the arguments of tool calls.
    var recordsArguments = false
    /// `redact`: names whose values it does not, besides what is always kept out.
    var redacted: [String] = []
}

/// `tracing`.
struct TracingSettings: Sendable, Equatable {
    /// `otlp_endpoint`, with the path of OTLP.
    var endpoint: HTTPURL
    /// `sample_ratio`: how many of the traces that begin here are recorded.
    var ratio = 1.0
    /// `headers`: what each request to the endpoint carries.
    var headers: [RemoteEndpoint.Field] = []
}

extension Configuration {
    /// Whether `/mcp` serves all servers.
    var hasAggregate: Bool { aggregate.isEnabled && !servers.isEmpty }
}
