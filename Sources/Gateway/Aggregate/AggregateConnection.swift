import AsyncIO
import Crypto
import JSON
import MCP
import OAuth
import Telemetry

/// Several servers that present themselves to one session as one legacy server (mcp.md section C).
///
/// An actor on the loop of its session. `+Requests` is what the session sends, `+Output` what the servers write, `+Lists` and
/// `+Names` what they have, `+Changes` when that changes, `+Handshake` how it begins, `+Time` what happens by itself,
/// `AggregateLifecycle` how servers come and go.
actor AggregateConnection {
    /// A request of the session without an answer.
    struct Route {
        let method: MCPMethod
        /// Where it went, once that is known.
        var server: Int?
        /// Its number there.
        var number: Int?
        /// What that server calls the tool.
        var tool: [UInt8]?
        /// Whether it went there with the envelope of its client.
        var isRelayed = false
        /// Whether the access policy refused it.
        var isDenied = false
        /// What the token lacks for it.
        var missingScopes: [String]?
        /// The client's.
        var request: RequestID?
    }

    /// A question of a server to the client.
    struct Asked {
        let server: Int
        let generation: Int
        let id: JSONRPCID
        let progressToken: [UInt8]?
    }

    /// A request that waits until these lists are known.
    struct Waiting {
        let number: Int
        let message: JSONRPCMessage
        let lists: [AggregateList]
    }

    /// Whose something is, and what it is called there.
    struct Target: Sendable {
        let server: Int
        let own: [UInt8]
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    nonisolated let plan: AggregatePlan
    nonisolated let logger: Logger
    // SAFETY: set once, by `listen`, and called by `deliver`, both on the loop: the session that it belongs to lives there
    // too (AggregateTests).
    nonisolated(unsafe) private var sink: (([LineFramer.Line]) -> Void)?
    // SAFETY: set once, before `listen`, and called by connections of members, on the loop as well (AccessLogTests).
    private nonisolated(unsafe) var requests: RequestsInProgress.Lookup?
    /// What was announced for the line that comes next.
    var announced: (number: Int, request: RequestID)?
    /// The request that was answered last, and by whom.
    private var lastAnswered: (number: Int, server: Int)?
    /// Lines for the session.
    var outgoing: [LineFramer.Line] = []
    var isDelivering = false
    var principal: Principal
    /// What that is worth by the access policy; nil without one.
    var rights: AccessRights?
    var members: [AggregateMember]
    var routes: [Int: Route] = [:]
    /// Requests that are answered as soon as what waits is delivered.
    var answered: [Int] = []
    var waiting: [Waiting] = []
    /// What the session listens for at servers, by the numbers of its requests.
    var taskListens: [Int: TaskListen] = [:]
    var asked: [Int: Asked] = [:]
    var lastQuestion = 0
    var hasUnflushed = false
    /// While the session hands over a line: it flushes afterwards.
    var isTaking = false

    /// `initialize` of the client, and its number while it has no answer.
    var introduction: JSONRPCMessage?
    var introductionNumber: Int?
    /// Until when it waits for servers; nil before it came and after it was answered.
    var introductionDeadline: LoopInstant?
    /// What clients were told to be there; nil before.
    var advertised: AggregateCapabilities?
    /// Whether the client said that it is ready.
    var isReady = false
    /// The level that the client set, as JSON text.
    var logLevel: [UInt8]?
    var minimumLevel = LoggingLevel.warning

    var tables: [AggregateList: [[UInt8]: Target]] = [:]
    /// Which server has a `ui://`.
    var views: [[UInt8]: Int] = [:]
    /// Lists as clients get them, while nothing changes.
    var assembled: [AggregateList: [UInt8]] = [:]
    /// Digests of the lists that clients know.
    var served: [AggregateList: Digest] = [:]
    var changes: Set<AggregateList> = []
    var changesDue: LoopInstant?
    /// Changes that are told when the lists are known.
    var comparing: Set<AggregateList> = []

    /// Whether clients can only be asked by way of their calls (mcp.md B0.5).
    var isBridged = false
    var isStopping = false
    var isHeld = false
    var timer: LoopTimer?
    var timerDue: LoopInstant?

    init(_ plan: AggregatePlan, for principal: Principal, on loop: EventLoop) {
        self.plan = plan
        self.principal = principal
        self.loop = loop
        logger = Logger(label: "gateway").with(["server": .string(AggregateConfiguration.name)])
        let rights = plan.policy?.rights(of: principal)
        self.rights = rights
        members = plan.supervisors.indices.map {
            AggregateMember($0, plan, isPermitted: plan.permits($0, principal, rights))
        }
    }

    // MARK: To the session

    /// Hands a message to the session, after what the session is doing.
    func emit(_ text: [UInt8]) {
        outgoing.append(.complete(text))
        guard !isDelivering else { return }
        isDelivering = true
        loop.execute { [weak self] in self?.assumeIsolated { $0.deliver() } }
    }

    func deliver() {
        isDelivering = false
        var lines: [LineFramer.Line] = []
        swap(&lines, &outgoing)
        guard !lines.isEmpty else { return }
        let done = answered
        answered = []
        unsafe sink?(lines)
        for number in done {
            if let server = routes.removeValue(forKey: number)?.server { lastAnswered = (number, server) }
        }
    }

    /// Whose requests a member works on.
    func requests(of member: Int) -> RequestsInProgress {
        var numbers = Set(routes.lazy.filter { $0.value.server == member }.map(\.key))
        if let last = lastAnswered, last.server == member { numbers.insert(last.number) }
        return unsafe requests?(numbers) ?? RequestsInProgress()
    }

    /// Answers a request of the session.
    func reply(_ number: Int, _ text: [UInt8]) {
        guard routes[number] != nil else { return }
        answered.append(number)
        emit(text)
    }

    func reply(_ number: Int, result: [UInt8]) {
        reply(number, JSONRPCText.response(to: JSONRPCID(number: number), result: result))
    }

    func reply(_ number: Int, _ error: JSONRPCError) {
        reply(number, error.response(to: JSONRPCID(number: number)))
    }

    func member(named name: String) -> AggregateMember? {
        members.first { $0.server.name.utf8.elementsEqual(name.utf8) }
    }
}

extension AggregateConnection: ServerConnection {
    nonisolated var details: LogMetadata { [:] }

    nonisolated func enqueue(_ line: [UInt8]) throws(IOError) -> Bool {
        assumeIsolated { connection in
            connection.isTaking = true
            connection.take(line)
            connection.isTaking = false
            defer { connection.hasUnflushed = true }
            return !connection.hasUnflushed
        }
    }

    nonisolated func flush() throws(IOError) {
        assumeIsolated { $0.flushMembers() }
    }

    nonisolated func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
    ) {
        unsafe sink = take
        assumeIsolated { $0.begin() }
    }

    nonisolated var modernLeg: ModernLeg? {
        assumeIsolated { connection in
            guard connection.isBridged else { return nil }
            let legs = connection.members.compactMap { $0.isPresent ? $0.connection?.modernLeg : nil }
            return legs.isEmpty ? nil : ModernLeg(hasTasks: legs.contains(where: \.hasTasks))
        }
    }

    nonisolated var definesSingleTools: Bool { true }

    nonisolated func isRelayed(_ number: Int) -> Bool {
        assumeIsolated { $0.routes[number]?.isRelayed == true }
    }

    nonisolated func holdOutput(_ isHeld: Bool) {
        assumeIsolated { connection in
            connection.isHeld = isHeld
            for member in connection.members { member.connection?.holdOutput(isHeld) }
        }
    }

    // Nothing says that it is lost: servers come and go.
    func end(after loss: ConnectionLoss) async -> SessionEnd { .closedOutput }

    nonisolated func begins(for client: LegacySession.ClientKind) {
        assumeIsolated { $0.isBridged = client == .bridged }
    }

    nonisolated func attribute(to requests: @escaping RequestsInProgress.Lookup) {
        unsafe self.requests = requests
    }

    nonisolated func announce(_ number: Int, for request: RequestID) {
        assumeIsolated { $0.announced = (number, request) }
    }

    nonisolated func used(by principal: Principal) {
        assumeIsolated { $0.admit(principal) }
    }

    nonisolated func isDenied(_ number: Int) -> Bool {
        assumeIsolated { $0.routes[number]?.isDenied == true }
    }

    nonisolated func missingScopes(of number: Int) -> [String]? {
        assumeIsolated { $0.routes[number]?.missingScopes }
    }

    nonisolated func destination(of number: Int) -> CallDestination? {
        assumeIsolated { connection in
            guard let route = connection.routes[number], let server = route.server else { return nil }
            let supervisor = connection.plan.supervisors[server]
            return CallDestination(
                server: supervisor.server.name, tool: route.tool.map { String(decoding: $0, as: UTF8.self) },
                metrics: supervisor.metrics)
        }
    }
}
