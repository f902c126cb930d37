import AsyncIO
import Crypto
import JSON
import MCP
import OAuth
import Telemetry

/// One session with one legacy server: a child process of its own, the calls that wait for it, the streams that carry what
/// it says (`isolation: session`). It is of one legacy client, or it serves a modern client, who knows no sessions, through
/// the era bridge.
///
/// An actor on the loop of the connection that began it, which is also the loop of the child's pipes: a call on that
/// connection never leaves the loop. Nothing of it is shared with another session, so nothing that its server does
/// can reach another one. `+Calls` is what clients send, `+Output` what the server writes, `+Streams` what readers get,
/// `+Time` what happens by itself, `SessionSupervisor` its beginning and end; `+EventChannel` is the transport of
/// 2024-11-05, `+Bridge` and `+Listening` are the side towards modern clients.
actor LegacySession {
    /// A request that waits for the server.
    struct Call {
        let method: MCPMethod
        let stream: MessageStream
        let began: LoopInstant
        let deadline: LoopInstant
        let record: CallRecord?
    }

    /// How the client of a session speaks.
    enum ClientKind: Sendable {
        /// Streamable HTTP from 2025-03-26 to 2025-11-25.
        case streamableHTTP
        /// 2024-11-05: one stream of events, which is the session.
        case eventChannel
        /// 2026-07-28: it knows nothing of sessions; the era bridge does.
        case bridged
    }

    /// What a session needs from the gateway around it.
    struct Surroundings: Sendable {
        let limits: GatewayLimits
        let directory: SessionDirectory
        let observer: GatewayObserver
        let states: RequestStates
        let tasks: TaskHandles
        /// Nil where everybody may use everything.
        var policy: AccessPolicy?
        /// Where icons are for clients; nil where they stay where they are.
        var icons: IconAddresses?
        /// Whether servers may ask for secrets by forms.
        var allowsSecretForms = false
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    nonisolated let id = SessionID()
    nonisolated let server: ServerDefinition
    nonisolated let principal: Principal
    /// What the audit trail says of each call: whose it was.
    nonisolated let auditSubject: AuditSubject
    nonisolated let quota: PrincipalQuota
    nonisolated let surroundings: Surroundings
    nonisolated let client: ClientKind
    /// What the access policy says about the server; nil without a policy, and for the aggregate.
    nonisolated let access: ServerAccess?
    nonisolated let metrics: ServerMetrics
    nonisolated let logger: Logger
    /// The first part of event ids; unguessed is not needed, another session's is.
    nonisolated let eventTag: [UInt8]
    /// The member of `_meta` by which the server learns for whom it works, as JSON text.
    nonisolated let identity: [UInt8]

    /// When it began.
    nonisolated let began = EventLoop.preciseNow

    var connection: (any ServerConnection)?
    var calls = Correlation<Call>()
    /// The call that was answered last.
    var lastAnswered: (number: Int, request: RequestID, at: LoopInstant)?
    var questions = Questions()
    /// Streams that have begun; 0 is the general one.
    var streams: [Int: MessageStream] = [:]
    var lastStream = 0
    /// What `initialize` agreed on.
    var version: ProtocolVersion?
    /// Whether the client of an event channel sent `initialize`.
    var wasIntroduced = false
    /// Whether the server answered `initialize`.
    var isEstablished = false
    /// What it said then; kept for modern clients only.
    var introduction: ServerIntroduction?
    /// Whether modern clients speak to a modern server here, and nothing but what is bound to one hop is changed.
    var isRelay = false
    /// Requests of modern clients by their numbers: those that wait, and those whose client was asked something.
    var exchanges: [Int: ModernExchange] = [:]
    /// What the server asked before there was anybody to ask.
    var early = EarlyQuestions()
    /// How many listens watch a resource.
    var watched: [String: Int] = [:]
    /// What `logging/setLevel` said last for modern clients.
    var logLevel: LoggingLevel?
    var tools = ToolParameterHeaders()
    /// Whether what all tools want mirrored is known, or by their names which of them.
    var knowsTools = false
    var knownTools: Set<String> = []
    var legacyTasks = LegacyTasks()
    /// Its tasks, where others of the same server are not its own.
    var ownTasks: OwnTasks?
    /// Which calls wait for the results of tasks that a legacy server made of them, by the numbers of those.
    var taskResults: [Int: Int] = [:]
    var end: SessionEnd?
    /// Called when nothing of the child is left.
    var whenGone: (@Sendable () -> Void)?
    /// Whether the server's output is not read because a reader is slow.
    var isPaused = false
    var pausedSince = LoopInstant(nanoseconds: 0)
    /// When the server was found to have closed its input.
    var inputClosedAt: LoopInstant?
    /// When what is being taken from the server came; nil while nothing is.
    var answeredAt: LoopInstant?
    var garbage = 0
    var timeouts = 0
    var lastUse: LoopInstant
    /// As whom it was used last: a session ends with the grant by which it lives now, not with the one that began it.
    var latest: Principal
    /// What that is worth by the access policy.
    var knownRights: (principal: Principal, rights: AccessRights)?
    let expires: LoopInstant
    var timer: LoopTimer?
    var timerDue: LoopInstant?

    init(
        server: ServerDefinition, principal: Principal, quota: PrincipalQuota, metrics: ServerMetrics,
        surroundings: Surroundings, client: ClientKind, on loop: EventLoop
    ) {
        self.loop = loop
        self.client = client
        self.server = server
        access = surroundings.policy?.server(server.name)
        self.principal = principal
        auditSubject = GatewayObserver.subject(principal, server.name)
        self.quota = quota
        self.metrics = metrics
        self.surroundings = surroundings
        logger = Logger(label: "gateway").with(["server": .string(server.name)])
        eventTag = Array(Base64URL.encode(Random.bytes(9)).utf8.map { $0 == 0x2D ? 0x2E : $0 })
        identity = Self.identity(of: principal)
        latest = principal
        lastUse = EventLoop.preciseNow
        expires = EventLoop.preciseNow + server.absoluteTimeout
    }

    nonisolated var limits: GatewayLimits { surroundings.limits }
    nonisolated var isBridged: Bool { client == .bridged }

    private static func identity(of principal: Principal) -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("user", .string(principal.user.value)), .init("name", .string(principal.userName)),
        ]
        if let email = principal.email { members.append(.init("email", .string(email))) }
        members.append(.init("client", .string(principal.client.value)))
        return JSONValue.object(members).serialized()
    }

    /// The general stream, made when first needed.
    var general: MessageStream {
        if let stream = streams[0] { return stream }
        let stream = MessageStream(
            number: 0,
            log: client == .eventChannel ? EventLog(type: "message") : EventLog(session: eventTag, stream: 0),
            mayStream: true,
            commitDeadline: expires, principal: principal)
        stream.isCommitted = true
        streams[0] = stream
        return stream
    }

    /// The requests of clients that wait for the server, newest first, and the one that was answered just now: those with these
    /// numbers, where some are given.
    func requestsInProgress(_ numbers: Set<Int>? = nil) -> RequestsInProgress {
        func counts(_ number: Int) -> Bool { numbers?.contains(number) ?? true }
        let open = calls.open.compactMap { entry in
            counts(entry.number) ? entry.caller.record.map { (entry.number, $0.requestID) } : nil
        }
        let newest = open.sorted { $0.0 > $1.0 }.map(\.1)
        guard let last = lastAnswered, counts(last.number) else {
            return RequestsInProgress(open: newest, answered: nil, before: .zero)
        }
        return RequestsInProgress(open: newest, answered: last.request, before: EventLoop.preciseNow - last.at)
    }

    /// Notes that a request of `principal`, who owns the session, came just now.
    func use(by principal: Principal) {
        lastUse = loop.now
        latest = principal
        connection?.used(by: principal)
    }

    func makeStream(mayStream: Bool, for principal: Principal) -> MessageStream {
        lastStream += 1
        return MessageStream(
            number: lastStream, log: EventLog(session: eventTag, stream: lastStream),
            mayStream: mayStream, commitDeadline: loop.now + limits.commitDelay, principal: principal)
    }
}
