import AsyncIO
import MCP
import OAuth
import Telemetry

/// The way to one server and back, for one session: JSON-RPC messages of the legacy era, one a line, newline included on
/// the way out.
///
/// Whatever speaks so can serve every kind of client: a child process does, and what reaches other transports and eras, or
/// several servers at once, presents itself so. Confined to the loop on which its session lives.
protocol ServerConnection: AnyObject {
    /// What tells it apart in the operator's log, and what the server complained; never for a peer.
    var details: LogMetadata { get }

    /// Takes a line for the next ``flush()``. A request that cannot be delivered is answered like any other, by a line with
    /// an error; only `server/discover` that the server did not understand is answered `-32601`, and one that did not get so far
    /// ``JSONRPCError/Code/unreachable``. `overloaded` where the server does not keep up; another error means that it
    /// takes no lines any more.
    ///
    /// - Returns: whether it is the first one, whose sender is to flush.
    func enqueue(_ line: [UInt8]) throws(IOError) -> Bool

    /// Bytes that wait until the server takes them, as far as that is known.
    var waitingBytes: Int { get }

    /// Hands what was enqueued to the server, without waiting for it.
    func flush() throws(IOError)

    /// Hands the lines of the server to `take`, on the loop. `lost` is called, on the loop and perhaps more than once, when
    /// there will be no more of them. ``stop()`` ends both.
    func listen(_ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void)

    /// Leaves out all translation between the eras, where the server speaks the modern one: lines are of that era from now on,
    /// both ways. What the server says of itself in that era; nil, and nothing changes, where it does not speak it. To be asked
    /// when `initialize` has been answered.
    func relayModern() -> ServerIntroduction?

    /// How requests with the envelope of a modern client go on here, beside lines of the legacy era: what reads it gets them as they
    /// are, and what it answers comes back so. Nil where they are to go without. Asked when `initialize` has been answered.
    var modernLeg: ModernLeg? { get }

    /// Whether a request of the session, known by the number in its id, went on with its envelope; asked when it is answered.
    func isRelayed(_ number: Int) -> Bool

    /// Whether `tools/list` gives the definition of one tool alone to whoever names it under ``AggregateMessages/toolKey``.
    var definesSingleTools: Bool { get }

    /// Whether the server has a way to say what it was not asked for; may wait until that is known. Asked when the session has
    /// begun.
    func canAnnounce() async -> Bool

    /// Delivers no further lines until told to go on, so that the server is held back.
    func holdOutput(_ isHeld: Bool)

    /// What the loss of the connection means for its session; may wait a moment for news.
    func end(after loss: ConnectionLoss) async -> SessionEnd

    /// Ends what belongs to the connection; returns when nothing of it is left.
    func stop() async

    /// Says, before anything else, how the client of the session speaks.
    func begins(for client: LegacySession.ClientKind)

    /// Says, before anything else, how it is known whose requests the server works on: for the log of what it complains, whose
    /// lines name them.
    func attribute(to requests: @escaping RequestsInProgress.Lookup)

    /// Says which request of a client the next line is, a request with this number in its id; for servers that do not know
    /// the session.
    func announce(_ number: Int, for request: RequestID)

    /// Says as whom the session is used from now on: a user may come with another token.
    func used(by principal: Principal)

    /// Where a request of the session, known by the number in its id, really went; asked when it has ended. Nil where that is
    /// the server of the session.
    func destination(of number: Int) -> CallDestination?

    /// The scopes that such a request lacked where it really went; asked when it has been answered. Nil where none.
    func missingScopes(of number: Int) -> [String]?

    /// Whether the access policy refused it there.
    func isDenied(_ number: Int) -> Bool
}

/// What modern requests find at the end of a connection that passes them on.
struct ModernLeg: Sendable, Hashable {
    /// Whether tasks of the modern era can be made and followed there.
    let hasTasks: Bool
}

/// The one of several servers that a call went to.
struct CallDestination {
    let server: String
    /// What the server itself calls the tool; nil where none was called.
    let tool: String?
    let metrics: ServerMetrics
}

extension ServerConnection {
    var waitingBytes: Int { 0 }

    func begins(for client: LegacySession.ClientKind) {}

    func attribute(to requests: @escaping RequestsInProgress.Lookup) {}

    func announce(_ number: Int, for request: RequestID) {}

    func used(by principal: Principal) {}

    func destination(of number: Int) -> CallDestination? { nil }

    func missingScopes(of number: Int) -> [String]? { nil }

    func isDenied(_ number: Int) -> Bool { false }

    func relayModern() -> ServerIntroduction? { nil }

    var modernLeg: ModernLeg? { nil }

    func isRelayed(_ number: Int) -> Bool { modernLeg != nil }

    var definesSingleTools: Bool { false }

    func canAnnounce() async -> Bool { true }

    /// Hands a line to the server at once.
    func send(_ line: [UInt8]) throws(IOError) {
        _ = try enqueue(line)
        try flush()
    }
}

/// How a session learns that its server is gone.
enum ConnectionLoss: Sendable, Hashable {
    /// Nothing more can be read from it, or it has ended the session.
    case outputEnded
    /// Its process has ended.
    case exited
}

/// A connection that can be taken up: what it costs is spent, its place is taken.
struct PreparedConnection: Sendable {
    /// Makes the connection; to be called once, on its loop.
    let open: @Sendable () -> any ServerConnection
    /// Gives its place back; to be called once, when nothing of it is left.
    let release: @Sendable () -> Void
}
