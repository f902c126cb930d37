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

    let method: MCPMethod
    /// What the client declared, where its request is one that may be answered with questions; else nothing.
    let capabilities: ClientCapabilities
    let logLevel: LoggingLevel?
    /// What a retry must be the same as.
    let digest: [UInt8]
    let lease: BridgeLease
    /// JSON text of the state that a modern server gave out and gets back with this request.
    var relayedState: [UInt8]?
    /// Where the answer goes: to the POST that the client sent last.
    var stream: MessageStream
    var deadline: LoopInstant
    /// Asked by the server, not answered by the client.
    var questions: [Question] = []
    /// When they are put to the client: a moment after the first one, because servers often have several.
    var asksAt: LoopInstant?
    /// How often the client was asked; each time it gets a state that is good once.
    var round = 0
    /// While nobody waits because the client was asked: until when it may come back.
    var parkedUntil: LoopInstant?
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
