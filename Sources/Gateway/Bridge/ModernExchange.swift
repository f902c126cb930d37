import AsyncIO
import MCP

/// One request of a modern client that a legacy server works on: what its client can be asked, and what the server asked
/// meanwhile. Belongs to its session and lives on its loop.
final class ModernExchange {
    /// A request of the server that waits for the client.
    struct Question {
        /// Under which key the client finds it.
        let key: String
        /// Under which number the session does.
        let number: Int
        let message: JSONRPCMessage
    }

    /// A task that a server of 2025-11-25 made of the request.
    struct OwnTask {
        /// JSON text of the server's name for it.
        let name: [UInt8]
        /// The number under which its result was asked for.
        let result: Int
    }

    let method: MCPMethod
    /// What the client declared, where its request is one that may be answered with questions; else nothing.
    let capabilities: ClientCapabilities
    let logLevel: LoggingLevel?
    /// What a retry must be the same as.
    let digest: [UInt8]
    let lease: BridgeLease
    /// JSON text of the state that a modern server gave out and gets back with this request.
    var relayedState: [UInt8]?
    /// Whether its client follows the tasks of a modern server.
    let declaresTasks: Bool
    /// JSON text of what its client calls the task that it is about.
    var taskName: [UInt8]?
    /// What the client calls the tasks that it listens for, as JSON text by the server's names.
    var listenedTasks: [[UInt8]: [UInt8]] = [:]
    /// Who listens by it, where it is a part of what that client listens for.
    weak var listener: MessageStream?
    /// Until when the server may say which tasks it tells of.
    var acknowledgedBy: LoopInstant?
    /// Whether the server takes it as a task only.
    var runsAsTask = false
    var task: OwnTask?
    /// Where the answer goes: to the POST that the client sent last.
    var stream: MessageStream
    var deadline: LoopInstant
    /// What the server asked for while it worked on this, and the client did not declare.
    var lacks: ClientCapabilities = []
    /// Asked by the server, not answered by the client.
    var questions: [Question] = []
    /// When they are put to the client: a moment after the first one, because servers often have several.
    var asksAt: LoopInstant?
    /// How often the client was asked; each time it gets a state that is good once.
    var round = 0
    /// While nobody waits because the client was asked: until when it may come back.
    var parkedUntil: LoopInstant?
    /// How far it is, by the last report.
    var progressed = -Double.infinity
    /// What the server reported last meanwhile.
    var progress: JSONRPCMessage?
    /// What the server answered meanwhile.
    var answer: ModernMessage.Answer?

    var isParked: Bool { parkedUntil != nil }

    init(
        _ method: MCPMethod, _ envelope: ModernEnvelope, digest: [UInt8], lease: BridgeLease, stream: MessageStream,
        deadline: LoopInstant
    ) {
        self.method = method
        capabilities = method.mayAskClient ? envelope.capabilities : []
        logLevel = envelope.logLevel
        declaresTasks = envelope.declaresTasks
        self.digest = digest
        self.lease = lease
        self.stream = stream
        self.deadline = deadline
    }
}

extension MCPMethod {
    /// Whether `input_required` may answer it (c27).
    var mayAskClient: Bool {
        switch self {
        case .toolsCall, .promptsGet, .resourcesRead: true
        default: false
        }
    }
}
