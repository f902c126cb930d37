import AsyncIO
import MCP

/// One server in one session of the aggregate. Belongs to its connection and lives on its loop; nothing of it is shared with the
/// others (mcp.md C16).
final class AggregateMember {
    enum State {
        /// Not connected; perhaps later.
        case absent
        /// A connection is being made.
        case connecting
        /// Connected, `initialize` not answered.
        case starting
        case present
        /// What is left of a connection is being stopped.
        case ending
    }

    /// What an answer of the server is for.
    enum Purpose {
        case initialize
        /// The request of the client that has the id of the entry.
        case request(MCPMethod)
        /// `resources/subscribe` or `/unsubscribe` of the client, for this URI of the server.
        case subscription([UInt8], begins: Bool)
        /// A request about a task.
        case task(Task)
        /// A listen for tasks, as long as it lasts.
        case listen
        /// A page of a list that a client turns itself.
        case page(AggregateList)
        /// A page of a list that is being learnt.
        case learning(AggregateList)
        /// Nobody waits for it.
        case nothing

        /// Whether the client gets the answer itself, and not what we make of it.
        var isPassedOn: Bool {
            switch self {
            case .request, .task: true
            case .initialize, .subscription, .listen, .page, .learning, .nothing: false
            }
        }
    }

    /// A task that a client asks for.
    struct Task {
        let own: [UInt8]
        /// What the client calls it, as JSON text.
        let exposed: [UInt8]
        /// Whether it waits for the result, during which the server may ask.
        let isResult: Bool
    }

    struct Call {
        let purpose: Purpose
        var deadline: LoopInstant
    }

    /// What is known of one list of the server.
    struct List {
        var entries: [AggregateEntry] = []
        /// Where the server goes on, when not all of a long list was learnt.
        var rest: [UInt8]?
        var isLoaded = false
        /// Whether the server did not give it, or not in time: it counts as absent from it.
        var isMissing = false
        /// Until when clients wait for it.
        var awaitedUntil: LoopInstant?
        /// Attempts in a row that gave nothing, and when the next one is due.
        var failures = 0
        var retryAt: LoopInstant?
        /// Changed since.
        var isStale = false
        var loaded = LoopInstant(nanoseconds: 0)
        /// The pages so far, while it is being learnt.
        var learning: [AggregateEntry]?
        var pages = 0
        var bytes = 0
    }

    /// Resources that are watched at once.
    static let maximumSubscriptions = 1024

    let index: Int
    let supervisor: ServerSupervisor
    let messages: AggregateMessages
    var isPermitted: Bool
    var state = State.absent
    var connection: (any ServerConnection)?
    var release: (@Sendable () -> Void)?
    /// Counts connections, so that what comes late of an old one is known.
    var generation = 0
    var calls = Correlation<Call>()
    var capabilities: AggregateCapabilities = []
    var instructions: String?
    /// Whether it has been there, or failed, once.
    var isSettled = false
    /// Whether it counts as missing.
    var isMissed = false
    /// When it must have answered `initialize`.
    var startDeadline = LoopInstant(nanoseconds: 0)
    var retryAt: LoopInstant?
    /// Whether it ended because it was asked for an era that it has not, and is begun once more with what it must hear first.
    var wasMisaddressed = false
    /// Failures in a row, for the time until the next attempt.
    var failures = 0
    var presentSince = LoopInstant(nanoseconds: 0)
    var garbage = 0
    var timeouts = 0
    /// Questions to the client that have no answer.
    var openQuestions = 0
    var isDirty = false
    var lists: [AggregateList: List] = [:]
    /// Entries that were too long to be shown, as far as that has been said.
    var leftOut: Set<String> = []
    /// What the client calls tasks, as JSON text by the server's names.
    var tasks: [[UInt8]: [UInt8]] = [:]
    /// The server's own URIs that the client watches.
    var subscriptions: Set<[UInt8]> = []

    init(_ index: Int, _ plan: AggregatePlan, isPermitted: Bool) {
        self.index = index
        self.isPermitted = isPermitted
        supervisor = plan.supervisors[index]
        messages = AggregateMessages(server: index, name: plan.supervisors[index].server.name, uris: plan.uris)
    }

    var server: ServerDefinition { supervisor.server }
    var isPresent: Bool { state == .present && isPermitted }

    /// Whether the server has such a list.
    func offers(_ list: AggregateList) -> Bool { isPresent && capabilities.contains(list.capability) }

    /// Whether its entries are among those of the others.
    func has(_ list: AggregateList) -> Bool { offers(list) && lists[list]?.isMissing != true }

    func isLearning(_ list: AggregateList) -> Bool { lists[list]?.learning != nil }

    /// Whether clients wait until the list is known.
    func isAwaited(_ list: AggregateList) -> Bool { isLearning(list) && lists[list]?.isMissing != true }
}
