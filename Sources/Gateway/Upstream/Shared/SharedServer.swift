import AsyncIO
import JSON
import MCP
import OAuth
import Synchronization
import Telemetry

/// One server for several sessions (`isolation: user` and `shared`): it sees one client, the gateway, which shook hands with
/// it once.
///
/// Every request gets a number of our own and every answer finds the session that asked by it, so that equal ids of
/// different users never meet (M05). What belongs to no session that can be told apart reaches none. `+Input` is what sessions
/// send, `+Output` what the server writes, `SharedServerSupervisor` its beginning and end.
actor SharedServer {
    /// Who uses it.
    enum Audience: Hashable, Sendable {
        /// Sessions of one user: the server may ask the one that has calls open.
        case user(UserID)
        /// Sessions of everybody: nobody is asked, and log messages go nowhere, for they say not whose they are.
        case everybody
    }

    enum State {
        case new
        case starting
        /// Sent `initialize`.
        case greeting
        case serving(SharedIntroduction)
        case ended
    }

    /// One session.
    struct Member {
        let connection: SharedConnection
        /// Its `initialize`, from when it sends it.
        var initialize: JSONRPCMessage?
        /// What that says of its client.
        var client: LegacyClient?
        /// Whether that has been answered.
        var isGreeted = false
        /// The resources that it subscribed to.
        var watched: Set<[UInt8]> = []
    }

    /// A request that waits for the server.
    struct Call {
        let member: Int
        let method: MCPMethod
        let began: LoopInstant
        /// The client's.
        var request: RequestID?
        /// What it subscribes to, once the server agrees.
        var watching: [UInt8]?
    }

    /// Requests without an answer, of all sessions.
    static let maximumCalls = 8192
    /// Tasks whose owners are remembered, of all sessions.
    static let maximumTasks = 4096
    /// What one session may watch at a time: so many resources, of so many bytes each.
    static let maximumWatched = 256
    static let maximumWatchedBytes = 8 << 10
    /// How long a server from which nothing comes has to answer a ping.
    private static let pingLimit = Duration.seconds(30)
    /// Bytes that may be on their way to the loops of sessions before the server is held back, and until it goes on (M10).
    private static let maximumInTransit = 16 << 20
    private static let resumeAt = 4 << 20

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    nonisolated let audience: Audience
    nonisolated let server: ServerDefinition
    nonisolated let limits: GatewayLimits
    /// Called once, when it has ended.
    nonisolated let whenEnded: @Sendable (SharedServer) -> Void
    /// Called once, when nothing of it is left.
    nonisolated let whenGone: @Sendable () -> Void
    nonisolated let logger: Logger
    nonisolated let discarded: Counter
    private nonisolated let lastNumber = Atomic<Int>(0)
    private nonisolated let inTransit = Atomic<Int>(0)
    /// How requests of modern clients go on to it; known when it has answered `initialize`. A lock: sessions are on any loop.
    nonisolated let modernLeg = Mutex<ModernLeg?>(nil)

    var state = State.new
    var connection: (any ServerConnection)?
    var members: [Int: Member] = [:]
    var calls = Correlation<Call>()
    /// The request that was answered last.
    var lastAnswered: (request: RequestID, at: LoopInstant)?
    /// Which session was asked, by the server's id.
    var asked: [JSONRPCID: Int] = [:]
    /// Whose call the server made a task of, by its own name for it.
    var taskOwners: [[UInt8]: Int] = [:]
    var starters: [CheckedContinuation<Void, Never>] = []
    /// Wait until nothing of it is left.
    var stoppers: [CheckedContinuation<Void, Never>] = []
    var timer: LoopTimer?
    /// When something came from the server last.
    var heard = LoopInstant(nanoseconds: 0)
    /// Runs while it is asked whether it is there.
    var pingTimer: LoopTimer?
    /// Lines in a row that were no use, and when that was logged last.
    var garbage = 0
    var garbageLogged = LoopInstant(nanoseconds: 0)
    private var shares = InputShares(maximum: StdioTransport.maximumUnsent)
    /// Whether the server's output is not read, because the sessions' loops do not keep up.
    private var isHeld = false

    init(
        _ server: ServerDefinition, for audience: Audience, limits: GatewayLimits, discarded: Counter,
        on loop: EventLoop, whenEnded: @escaping @Sendable (SharedServer) -> Void,
        whenGone: @escaping @Sendable () -> Void
    ) {
        self.server = server
        self.audience = audience
        self.limits = limits
        self.discarded = discarded
        self.loop = loop
        self.whenEnded = whenEnded
        self.whenGone = whenGone
        logger = Logger(label: "gateway").with(["server": .string(server.name), "shared": .boolean(true)])
    }

    /// A number for a session; callable from everywhere.
    nonisolated func nextNumber() -> Int { lastNumber.add(1, ordering: .relaxed).newValue }

    /// Takes a session in.
    func join(_ connection: SharedConnection, _ number: Int) {
        timer?.stop()
        guard case .ended = state else {
            members[number] = Member(connection: connection)
            return
        }
        // It ended between being found and being used, which is nobody's fault.
        connection.loop.execute { connection.end(.abandoned) }
    }

    /// A session is gone: what it waits for is cancelled, what it was asked is refused, what it watched is not watched for it.
    func leave(_ number: Int) {
        guard let member = members.removeValue(forKey: number) else { return }
        for entry in calls.finish(where: { $0.caller.member == number }) {
            givenUp(entry.caller)
            send(JSONRPCText.cancelled(JSONRPCID(number: entry.number), reason: "the client has gone"))
        }
        for (id, owner) in asked where owner == number {
            asked[id] = nil
            send(JSONRPCError(.internalError, "The client has gone").response(to: id))
        }
        for (task, owner) in taskOwners where owner == number { taskOwners[task] = nil }
        for uri in member.watched where !isWatched(uri) { unsubscribe(uri) }
        if members.isEmpty { rest() }
    }

    /// A session waits no longer for a call. When nothing came from the server since it began, it is asked whether it is
    /// there at all: a slow call is no reason to end what others use, a server that hangs is (F04).
    func givenUp(_ call: Call) {
        if heard < call.began { askWhetherThere() }
    }

    /// Ends it when nothing comes from it for a while.
    func askWhetherThere() {
        guard pingTimer == nil, case .serving = state else { return }
        send(Array(#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#.utf8))
        pingTimer = loop.scheduled(after: min(Self.pingLimit, server.callTimeout)) { [weak self] in
            self?.assumeIsolated { $0.end(.unresponsive) }
        }
    }

    /// Something came from the server.
    func noteHeard() {
        heard = EventLoop.preciseNow
        pingTimer?.stop()
        pingTimer = nil
    }

    /// Whether a session watches it, or has just asked to.
    func isWatched(_ uri: [UInt8]) -> Bool {
        members.values.contains { $0.watched.contains(uri) } || calls.open.contains { $0.caller.watching == uri }
    }

    // MARK: Lines

    /// Hands a message to the server; with the others of this turn of the loop.
    func send(_ message: [UInt8]) { sendLine(message + [0x0A]) }

    /// The same for a line of the session `number`, or of ours; false where the server does not keep up, so that it will not
    /// have it.
    @discardableResult
    func sendLine(_ line: [UInt8], of number: Int? = nil) -> Bool {
        guard let connection else { return true }
        if let number, let user = members[number]?.connection.user,
            !shares.take(line.count, of: user, waiting: connection.waitingBytes)
        {
            return false
        }
        do throws(IOError) {
            if try connection.enqueue(line) { loop.atEndOfTurn { self.assumeIsolated { $0.flush() } } }
        } catch {
            guard error != .overloaded else { return false }
            inputClosed()
        }
        return true
    }

    private func flush() {
        do throws(IOError) {
            try connection?.flush()
        } catch {
            if error != .overloaded { inputClosed() }
        }
    }

    /// Hands a message to a session. When the loops of sessions do not keep up the server is held back for a moment; a slow
    /// reader does not do that (``SharedConnection``).
    func give(_ message: [UInt8], to number: Int) {
        guard let member = members[number]?.connection else { return }
        if inTransit.add(message.count, ordering: .relaxed).newValue > Self.maximumInTransit { hold(true) }
        member.loop.execute { [self] in
            member.give([.complete(message)])
            delivered(message.count)
        }
    }

    private nonisolated func delivered(_ count: Int) {
        let left = inTransit.subtract(count, ordering: .relaxed).newValue
        guard left < Self.resumeAt, left + count >= Self.resumeAt else { return }
        loop.execute { self.assumeIsolated { $0.hold(false) } }
    }

    private func hold(_ isHeld: Bool) {
        guard isHeld != self.isHeld else { return }
        self.isHeld = isHeld
        connection?.holdOutput(isHeld)
    }
}
