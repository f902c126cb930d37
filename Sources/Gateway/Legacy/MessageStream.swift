import AsyncIO
import MCP
import OAuth

/// What a POST gets: decided by the first thing that happens to it.
enum CallOutcome: Sendable {
    /// One message, as a JSON body.
    case message([UInt8])
    /// One message for a modern client: its errors have statuses of their own.
    case answer(ModernMessage.Answer)
    /// Several messages, or one that takes long: a stream of events.
    case stream(StreamReader)
    /// Nothing to wait for: 202.
    case accepted
    /// A response that nobody asked for (M06).
    case unsolicited
    /// The token lacks these scopes; what is said about that.
    case forbidden([String], [UInt8])
    /// The principal has too many calls in flight (M10).
    case limitReached
    /// The client went away.
    case detached
    /// The session has ended.
    case gone
}

extension CallOutcome {
    /// The same message as a refusal.
    fileprivate func forbidden(_ missing: [String]) -> CallOutcome {
        switch self {
        case .message(let text): .forbidden(missing, text)
        case .answer(let answer): .forbidden(missing, answer.text)
        default: self
        }
    }
}

/// What a reader of a stream gets.
enum Delivery: Sendable {
    case bytes([UInt8])
    /// Nothing happened for a while.
    case keepAlive
    /// Nothing more comes.
    case end
}

/// The right to read one stream of one session, until another reader takes over.
struct StreamReader: Sendable {
    let session: LegacySession
    let stream: Int
    let generation: Int

    /// What comes next; waits for it.
    func next() async -> Delivery { await session.next(self) }

    /// Nobody reads any more; what still comes is kept for resumption. Callable from everywhere.
    func giveBack() {
        session.loop.execute { session.assumeIsolated { $0.detach(self) } }
    }
}

/// The answers to one POST, or the general stream of a session. Belongs to its session and lives on its loop.
final class MessageStream {
    enum ReaderState {
        /// No reader yet; one may have been promised.
        case none
        case attached
        /// The reader is gone.
        case detached
    }

    /// 0 is the general stream.
    let number: Int
    /// Whether events may be sent: not for `initialize`, whose answer must carry a header.
    let mayStream: Bool
    /// When silence turns the answer into a stream.
    let commitDeadline: LoopInstant
    /// By whose token it was opened: it ends with the grant, and when the token expires (T08).
    var principal: Principal

    var log: EventLog
    /// When the server got what it has last of them.
    var askedAt: LoopInstant?
    /// Requests of the POST without an answer.
    var openCalls = 0
    var isCommitted = false
    var isFinished = false
    var reader = ReaderState.none
    var generation = 0
    /// What was decided before anybody waited for it.
    var outcome: CallOutcome?
    var outcomeWaiter = Waiter<CallOutcome>()
    var deliveryWaiter = Waiter<Delivery>()
    var waitingSince = LoopInstant(nanoseconds: 0)
    /// The number of the modern request that it answers.
    var call: Int?
    /// What its modern client listens to.
    var listen: LegacySession.Listen?
    /// Whether it counts against the streams of its principal.
    var countsAsStream = false
    /// What its request lacks, once that is known: the answer is a refusal then.
    var missingScopes: [String]?

    init(number: Int, log: EventLog, mayStream: Bool, commitDeadline: LoopInstant, principal: Principal) {
        self.number = number
        self.log = log
        self.mayStream = mayStream
        self.commitDeadline = commitDeadline
        self.principal = principal
    }

    /// Whether a message of the server may go this way: somebody waits for the answers, and can read events.
    var isOpenCall: Bool { openCalls > 0 && mayStream && reader != .detached }

    /// What was decided, once; nil while nothing is.
    func takeOutcome() -> CallOutcome? {
        defer { outcome = nil }
        return outcome ?? (reader == .detached ? .detached : nil)
    }

    /// Whether events wait for somebody: one who reads, or one to whom the stream was handed and who comes in a moment.
    var hasReader: Bool { reader == .attached || (reader == .none && number != 0 && isCommitted) }

    func decide(_ given: CallOutcome) {
        let decision = missingScopes.map { given.forbidden($0) } ?? given
        if outcomeWaiter.isWaiting {
            outcomeWaiter.resume(returning: decision)
        } else if reader != .detached {
            outcome = decision
        }
    }

    func deliver(_ delivery: Delivery) {
        deliveryWaiter.resume(returning: delivery)
    }
}
