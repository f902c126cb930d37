package import Crypto
package import HTTP
package import OAuth
package import Telemetry

/// Everything that the gateway is told; nothing changes it afterwards.
package struct GatewayConfiguration: Sendable {
    /// Who may come in.
    package enum Authentication: Sendable {
        /// Everybody: another front door stands before this one (`sallyport bridge`).
        case none
        /// Whoever bears a token that this verifier knows.
        case bearer(any AccessTokenVerifier)
    }

    package var hostPolicy: HostPolicy
    /// Which DPoP proofs were used; nil where tokens that are bound to a key cannot be taken.
    package var proofs: (any DPoPReplayGuard)?
    package var authentication: Authentication
    /// Whose tokens are taken.
    package var authorizationServers = AuthorizationServers()
    /// In the order of the configuration.
    package var servers: [ServerDefinition]
    /// All servers as one; nil where that is not wanted.
    package var aggregate: AggregateConfiguration?
    /// Who may use what; nil where everybody who comes in may use everything.
    package var access: AccessRules?
    /// Scopes that clients should ask for (RFC 9728 `scopes_supported`).
    package var scopes: [String] = []
    /// Pages of other programs on this machine may call while we listen on loopback ourselves: every call needs a
    /// token all the same. Without tokens they may not, whatever is set here (H06).
    package var allowsLoopbackPages = true
    /// Whether servers may ask their users for secrets by forms, which every client, its model and its log then see (c36).
    package var allowsSecretForms = false
    package var limits = GatewayLimits()
    package var rates = RequestRateLimits()
    /// Our own environment, of which servers get what ``ServerDefinition/passEnvironment`` names.
    package var inheritedEnvironment: [String: String] = [:]
    /// Where servers without a working directory get one; nil leaves them in ours.
    package var scratchDirectory: String?
    package var audit: any AuditLog = DiscardingAuditLog()
    /// Puts into ``audit`` what may come often; nil makes one.
    package var tally: AuditTally?
    /// What the trail says of the arguments of calls; nil for nothing.
    package var auditedArguments: ArgumentRecord?
    /// Which grants have ended; looked at for streams that stay open (T08).
    package var revocations: (any RevocationState)?
    /// Where it is written down which definitions of tools are approved; without it none of ``PinMode`` has an effect but
    /// ``PinMode/enforce``, for which nothing is.
    package var pins: (any PinLedger)?
    /// Seals what modern clients carry for us; one that outlives the process lets it say that a call is lost.
    package var sealing = SealingKey.random()
    /// Signs what upstreams are told about users; nil where there is no key of ours.
    package var signer: (any TokenSigner)?
    /// Who the gateway is in what it signs; asked each time, because a port may be chosen late.
    package var issuer: (@Sendable () -> String)?
    /// Nil where nothing is traced.
    package var tracer: Tracer?
    package var clock = WallClock.steady
    package var metrics = MetricsRegistry.shared

    /// Whether calls need a token.
    var isProtected: Bool {
        if case .bearer = authentication { true } else { false }
    }

    package init(hostPolicy: HostPolicy, authentication: Authentication, servers: [ServerDefinition]) {
        self.hostPolicy = hostPolicy
        self.authentication = authentication
        self.servers = servers
    }
}

/// What one principal, one server and all together may use.
package struct GatewayLimits: Sendable, Equatable {
    /// Longest body of a POST: 413.
    package var requestBytes = 4 << 20
    /// Longest line of a server (P04).
    package var lineBytes = 8 << 20
    /// Streams that one principal holds open: 429.
    package var streamsPerPrincipal = 64
    /// Calls of one principal that wait for an answer: 429.
    package var callsPerPrincipal = 128
    /// Processes for one user: 429.
    package var sessionsPerUser = 32
    /// Processes in all: 503.
    package var sessions = 256
    /// Processes of one server for one modern client that can be asked things: each runs one such call at a time.
    package var bridgedSessionsPerClient = 8
    /// Messages in one batch.
    package var batchMessages = 64
    /// Bytes that wait for a slow reader before its server is held back.
    package var undeliveredBytes = 256 << 10
    /// How long a reader may hold its server back before its stream is cut.
    package var stallTimeout = Duration.seconds(60)
    /// Bytes of delivered events that a session keeps for `Last-Event-ID`.
    package var replayBytes = 256 << 10
    /// Streams of which a session keeps events.
    package var replayStreams = 64
    /// An answer that takes longer is a stream from then on, so that nobody in between gives up waiting.
    package var commitDelay = Duration.seconds(3)
    /// Silence on a stream before a comment is sent.
    package var keepAlive = Duration.seconds(15)
    /// Calls in a row without an answer in time, after which a server counts as hanging (F04).
    package var timeoutsInARow = 3
    /// Lines in a row that are no messages, after which a server counts as broken (P04).
    package var garbageInARow = 100
    /// How long the user of a modern client may take to answer what its call was answered with (c27).
    package var answerTimeout = Duration.seconds(600)
    /// How long a listen that names tasks waits for its servers to say which of them they tell of (C10); where there are several, half
    /// of it for each.
    package var listenTimeout = Duration.seconds(10)
    /// How often streams of ended grants are looked for.
    package var revocationSweep = Duration.seconds(2)

    package init() {}
}
